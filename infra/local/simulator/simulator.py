"""From the cluster's nodes and pods to sockets, process trees and scenarios, again and again."""

import asyncio
import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.local import document
from infra.local.simulator import objects
from infra.local.simulator.allocation import Grant, allocate
from infra.local.simulator.layout import ALLOCATIONS, READY, NodeFolder
from infra.local.simulator.model import Models, of_product
from infra.local.simulator.node_writer import NodeWriter
from infra.local.simulator.objects import Node, Pod
from infra.local.simulator.podresources import PodResources, encode
from infra.local.simulator.process import processes
from infra.local.simulator.scenario import gpu_uuid, text
from infra.local.simulator.watch import Objects

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.1
"""A burst of changes is written once."""


class Simulator:
    """The watches tell it what there is, from their threads; ``run`` writes, in the event loop."""

    def __init__(self, folder: Path, models: Models) -> None:
        self._folder = folder
        self._models = models
        self._nodes: dict[str, Node] | None = None
        self._pods: dict[str, Pod] | None = None
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._grants = _read_grants(folder / ALLOCATIONS)
        self._writers: dict[str, NodeWriter] = {}
        self._sockets: dict[str, PodResources] = {}
        self._refused: set[str] = set()

    def nodes_changed(self, found: Objects) -> None:
        """All simulated nodes."""
        nodes = [objects.node(item) for item in found.values()]
        self._nodes = {node.name: node for node in nodes if node.gpus}
        self._wake()

    def pods_changed(self, found: Objects) -> None:
        """All pods that are bound to a node."""
        pods = [objects.pod(item) for item in found.values()]
        self._pods = {pod.uid: pod for pod in pods if pod.gpus and pod.holds}
        self._wake()

    async def run(self) -> None:
        """Write on every change, for ever."""
        (self._folder / READY).unlink(missing_ok=True)
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._changed.clear()
            if self._nodes is None or self._pods is None:
                continue
            try:
                await self.write(self._nodes, self._pods)
            except OSError:
                log.exception("write failed, next try in 1s")
                self._loop.call_later(1, self._changed.set)
                continue
            (self._folder / READY).touch()

    async def write(self, nodes: Mapping[str, Node], pods: Mapping[str, Pod]) -> None:
        """Bring every node's folder and socket up to date."""
        grants = allocate(
            pods.values(), {node.name: node.gpus for node in nodes.values()}, self._grants
        )
        if grants != self._grants:
            rows = {uid: grant.to_json() for uid, grant in sorted(grants.items())}
            document.write(self._folder / ALLOCATIONS, rows, durable=False)
        self._grants = grants
        self._report({uid for uid, pod in pods.items() if pod.node in nodes} - grants.keys(), pods)
        for name in self._sockets.keys() - nodes.keys():
            await self._drop(name)
        for node in nodes.values():
            on_node = [pod for pod in pods.values() if pod.node == node.name]
            await self._write_node(node, sorted(on_node, key=lambda pod: pod.uid))

    async def close(self) -> None:
        """Close every socket."""
        for server in self._sockets.values():
            await server.stop()

    async def _write_node(self, node: Node, pods: list[Pod]) -> None:
        folder = NodeFolder(self._folder / node.name)
        if node.name not in self._sockets:
            self._writers[node.name] = NodeWriter(folder)
            server = PodResources()
            await server.start(folder.socket)
            self._sockets[node.name] = server
        uuids = [gpu_uuid(self._folder, node.name, index) for index in range(node.gpus)]
        running = processes(pods, self._grants)
        self._sockets[node.name].response = encode(pods, self._grants, uuids)
        model = of_product(self._models, node.product)
        self._writers[node.name].write(text(model, uuids, running), pods, running)

    async def _drop(self, name: str) -> None:
        await self._sockets.pop(name).stop()
        del self._writers[name]
        shutil.rmtree(self._folder / name, ignore_errors=True)

    def _report(self, refused: set[str], pods: Mapping[str, Pod]) -> None:
        for uid in sorted(refused - self._refused):
            pod = pods[uid]
            log.error("pod %s/%s: too few free GPUs on %s", pod.namespace, pod.name, pod.node)
        self._refused = refused

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._changed.set)


def _read_grants(path: Path) -> dict[str, Grant]:
    """What a former run gave; a file that cannot be read is as good as none."""
    try:
        rows = json.loads(path.read_text())
        return {uid: Grant.from_json(row) for uid, row in rows.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s: %s; GPUs are given anew", path, error)
        return {}
