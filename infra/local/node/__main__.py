"""``python -m infra.local.node FOLDER``: become the node that ``node.json`` there describes.

It ends, and takes the node away, on SIGTERM and when its standard input is closed, so that the
node does not outlive the test that started it.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from infra.local.background import off_loop
from infra.local.errors import TIMEOUT, LocalError
from infra.local.interrupts import Interrupts
from infra.local.node import cgroups, mounts, namespaces, network
from infra.local.node.layout import Layout
from infra.local.node.leftovers import clean
from infra.local.node.node import Node
from infra.local.supervisor import Supervisor
from infra.tools.toolbox import Toolbox

START_SECONDS = 120.0
LOOK_SECONDS = 0.1


def main(folder: Path) -> int:
    """Outside the node: make its surroundings, wait for its end, clean up."""
    at, starter, outside = Layout.read(folder), os.getppid(), namespaces.present()
    try:
        namespaces.unshare(namespaces.NETWORK | namespaces.MOUNTS)
        network.connect(at, outside[namespaces.NETWORK])
        mounts.make(at)
        cgroups.make(at.cgroup)
        return namespaces.as_first_process(lambda: _inside(at))
    except (LocalError, OSError) as refused:
        return _told(refused)
    finally:
        namespaces.enter(outside)
        clean(at)
        if os.getppid() != starter:
            network.remove(at.bridge)  # the one who would have done so was killed


def _inside(at: Layout) -> int:
    try:
        asyncio.run(_run(at, Node(at, Toolbox.from_env())))
    except (LocalError, OSError) as refused:
        return _told(refused)
    return 0


async def _run(at: Layout, node: Node) -> None:
    interrupts = Interrupts()
    asyncio.get_running_loop().add_reader(sys.stdin, interrupts.stop.set)
    node.prepare()
    supervisor = Supervisor(node.processes(), at.folder, _say, interrupts.hurry)
    supervisor.start()
    try:
        await interrupts.unless_stopped(_stand(node, supervisor, at))
        supervisor.now_ready(f"https://{at.address}")
        await interrupts.stop.wait()
    finally:
        # Nothing of the node is kept, so nothing has to be put in order.
        interrupts.hurry.set()
        await supervisor.stop()


async def _stand(node: Node, supervisor: Supervisor, at: Layout) -> None:
    async def once_ready(name: str, work: Callable[[], None]) -> None:
        await supervisor.ready([f"{at.name}/{name}"], START_SECONDS)
        await off_loop(work)

    # The kubelet waits for the images too; begun here, they come in while the API server starts.
    await asyncio.gather(
        once_ready("containerd", node.images), once_ready("kube-apiserver", node.apply)
    )
    await supervisor.ready(list(supervisor.keepers), START_SECONDS)
    deadline = time.monotonic() + START_SECONDS
    while not await off_loop(node.is_up):
        if time.monotonic() > deadline:
            raise LocalError(f"{at.name} is not Ready after {START_SECONDS:g} s", TIMEOUT)
        await asyncio.sleep(LOOK_SECONDS)


def _told(refused: Exception) -> int:
    _say(str(refused))
    return refused.exit_code if isinstance(refused, LocalError) else 1


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
