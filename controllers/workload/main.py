"""Start of the workload-manager: settings, watches, server, and the one loop."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from threading import Thread
from typing import Any

import msgspec

from controllers.loop import Shutdown, run_every
from controllers.workload import seen, wire
from controllers.workload.cache import Cache
from controllers.workload.intents import Intents
from controllers.workload.jobs import JOBS, Jobs
from controllers.workload.kube import KubeApi, KubeError
from controllers.workload.metrics import ManagerMetrics
from controllers.workload.policy_file import PolicyFile
from controllers.workload.reflector import Reflector
from controllers.workload.revisions import RevisionLog
from controllers.workload.routes import Routes
from controllers.workload.server import Server
from controllers.workload.settings import Settings, SettingsError
from controllers.workload.steering import PASS_SECONDS, SETTLE_SECONDS, Steering

log = logging.getLogger("controllers.workload")
STALL_SECONDS = 120.0
"""A pass that takes longer means that the loop stands still."""


class _Version(msgspec.Struct, rename="camel"):
    git_version: str


class Manager:
    """All parts of the manager, put together."""

    def __init__(self, api: KubeApi, settings: Settings, shutdown: Shutdown, dry_run: bool) -> None:
        self.shutdown = shutdown
        self.cache = Cache(shutdown.nudge)
        self.policy = PolicyFile(api, settings.namespace, dry_run)
        self.reflectors = _reflectors(api, self.cache)
        jobs = Jobs(api, self._learn, dry_run)
        self.version = _own_version()
        kubernetes = msgspec.json.decode(api.get("/version"), type=_Version).git_version
        self.revisions = RevisionLog(kubernetes, self.version)
        self.steering = Steering(self.cache, self.policy, jobs, self.revisions, self._known_at)
        intents = Intents(self.cache, self.policy, jobs)
        self.routes = Routes(self.revisions, self.policy, intents, shutdown.nudge)

    def watch(self) -> None:
        """Keep the cache up to date, each resource in a thread of its own."""
        for reflector in self.reflectors:
            # Each sleeps by itself: a nudge is meant for the deciding loop alone.
            own = Shutdown()
            step = partial(reflector.step, own)
            Thread(target=run_every, args=(1.0, step, own), daemon=True).start()

    def serve(self, host: str, port: int) -> Server:
        """Serve HTTP in a thread; the server is returned to be shut down."""
        metrics = ManagerMetrics(self.version, self.steering, self.reflectors, self.revisions)
        server = Server((host, port), self.routes, self._missing, self._alive, metrics.text)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return server

    def once(self) -> None:
        """Read everything one time, decide and act."""
        for reflector in self.reflectors:
            reflector.list()
        self.steering.step()

    def _learn(self, raw: bytes) -> None:
        decode = _decoder(wire.Job)
        job = seen.job(raw, decode)
        if job:
            self.cache.jobs.put(job.uid, int(decode(raw).metadata.resource_version), job)

    def _known_at(self) -> float | None:
        if not all(reflector.synced for reflector in self.reflectors):
            return None
        now = time.time()
        return min(reflector.known_at(now) for reflector in self.reflectors)

    def _missing(self) -> str:
        behind = [reflector.path for reflector in self.reflectors if not reflector.synced]
        if behind:
            return f"not read yet: {', '.join(behind)}"
        return "" if self.revisions.published else "the first pass has not ended"

    def _alive(self) -> bool:
        return time.time() - self.steering.figures.at < STALL_SECONDS


def _reflectors(api: KubeApi, cache: Cache) -> list[Reflector[Any]]:
    return [
        Reflector(api, path, table, partial(keep, decode=_decoder(shape)))
        for path, table, keep, shape in _resources(cache)
    ]


def _resources(cache: Cache) -> list[tuple[str, Any, Any, Any]]:
    return [
        ("/api/v1/namespaces", cache.namespaces, seen.namespace, wire.Namespace),
        ("/api/v1/nodes", cache.nodes, seen.node, wire.Node),
        (JOBS, cache.jobs, seen.job, wire.Job),
        ("/api/v1/pods", cache.pods, seen.pod, wire.Pod),
    ]


def _decoder(shape: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(shape).decode


def _own_version() -> str:
    try:
        return version("neurox")
    except PackageNotFoundError:
        return "unknown"


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m controllers.workload", description=__doc__)
    parser.add_argument("--once", action="store_true", help="one pass over everything, then end")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    return parser.parse_args(argv)


def run(argv: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Run until a signal; answers the exit status."""
    arguments = _arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    shutdown = Shutdown.on_signals()
    try:
        settings = Settings.from_env(os.environ)
        manager = Manager(
            KubeApi.connect(settings.kubeconfig), settings, shutdown, arguments.dry_run
        )
        manager.policy.load()
        if arguments.once:
            manager.once()
            return 0
        server = manager.serve(settings.listen_host, settings.listen_port)
    except (SettingsError, KubeError, OSError) as error:
        log.error("cannot start: %s", error)
        return 2
    manager.watch()
    log.info("listening on %s:%d", *server.server_address[:2])
    run_every(PASS_SECONDS, manager.steering.step, shutdown, SETTLE_SECONDS)
    server.server_close()
    return 0
