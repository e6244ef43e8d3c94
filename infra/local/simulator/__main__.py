"""``python -m infra.local.simulator --kubeconfig FILE --folder DIR``: until SIGTERM."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
import threading
from pathlib import Path

from infra.local.simulator.kubeconfig import KubeconfigError, session
from infra.local.simulator.layout import READY
from infra.local.simulator.model import models
from infra.local.simulator.simulator import Simulator
from infra.local.simulator.watch import Watch


def main() -> int:
    """Read the flags and simulate; 1 with one message when the kubeconfig cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.simulator", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where the nodes' folders go")
    chosen = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        asyncio.run(simulate(chosen.kubeconfig, chosen.folder.absolute()))
    except (KubeconfigError, OSError) as error:
        sys.stderr.write(f"node simulator: {error}\n")
        return 1
    return 0


async def simulate(kubeconfig: Path, folder: Path) -> None:
    """Simulate every labelled node of the cluster until SIGTERM or SIGINT."""
    folder.mkdir(parents=True, exist_ok=True)
    simulator = Simulator(folder, models())
    stop, stopping = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    follow = (
        ("nodes", {"labelSelector": "neurox.io/simulated=true"}, simulator.nodes_changed),
        ("pods", {"fieldSelector": "spec.nodeName!="}, simulator.pods_changed),
    )
    for kind, selector, changed in follow:
        http, server = session(kubeconfig)
        watch = Watch(http, f"{server}/api/v1/{kind}", selector, changed)
        # Daemons: a watch waits in a read that only its timeout ends.
        threading.Thread(target=watch.run, args=(stop,), name=kind, daemon=True).start()
    running = asyncio.create_task(simulator.run())
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await simulator.close()
    (folder / READY).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
