"""The workload-manager put together: it watches, stands for election, decides and serves."""

import logging
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from threading import Thread
from typing import Any

import msgspec

from controllers.loop import Shutdown, run_every
from controllers.workload import seen, wire
from controllers.workload.cache import Cache
from controllers.workload.hub_keys import HubKeys
from controllers.workload.intents import Intents
from controllers.workload.jobs import JOBS, Jobs
from controllers.workload.kube import KubeApi, KubeError
from controllers.workload.lease import CALL_SECONDS, Candidate, Lease
from controllers.workload.lock import Lock
from controllers.workload.metrics import ManagerMetrics
from controllers.workload.policy_file import PolicyFile
from controllers.workload.reflector import Reflector
from controllers.workload.revisions import RevisionLog
from controllers.workload.routes import Routes
from controllers.workload.server import Health, Server
from controllers.workload.settings import Settings
from controllers.workload.steering import Steering

log = logging.getLogger(__name__)
STALL_SECONDS = 120.0
"""A pass that takes longer means that the loop stands still."""


class _Version(msgspec.Struct, rename="camel"):
    git_version: str


class Manager:
    """All parts of the manager, put together."""

    def __init__(self, settings: Settings, shutdown: Shutdown, dry_run: bool) -> None:
        api = KubeApi.connect(settings.kubeconfig)
        self.shutdown = shutdown
        self.candidate = None if dry_run else _candidate(settings, shutdown.nudge)
        """None: a dry run writes nothing, so it need not lead, and must not keep others from it."""
        self._led = 0
        """The term it has begun to act in; 0: none."""
        self.cache = Cache(shutdown.nudge)
        self.policy = PolicyFile(api, settings.namespace, dry_run)
        self.reflectors = _reflectors(api, self.cache)
        jobs = Jobs(api, self._learn, self.leads, dry_run)
        self.version = _own_version()
        kubernetes = msgspec.json.decode(api.get("/version"), type=_Version).git_version
        self.revisions = RevisionLog(kubernetes, self.version)
        self.steering = Steering(self.cache, self.policy, jobs, self.revisions, self._known_at)
        intents = Intents(self.cache, self.policy, jobs)
        keys = HubKeys(KubeApi.connect(settings.kubeconfig, CALL_SECONDS), settings.namespace)
        self.lock = Lock(keys.hub)
        self.routes = Routes(self.revisions, self.policy, intents, shutdown.nudge, self._missing)

    def leads(self) -> bool:
        """Whether it may act: it is elected, and knows what its predecessor stored."""
        term = self.candidate.term if self.candidate else 1
        return term > 0 and term == self._led

    def step(self) -> None:
        """One pass, or none while another manager leads."""
        term = self.candidate.term if self.candidate else 1
        if not term:
            if self._led:
                log.warning("no longer leading")
            self._led = 0
            self.steering.rest()
            return
        if term != self._led:
            self.policy.load()
            self._led = term
            log.info("leading")
        self.steering.step()

    def watch(self) -> None:
        """Keep the cache up to date and stand for election, each in a thread of its own."""
        if self.candidate:
            self.candidate.run()
        for reflector in self.reflectors:
            # Each sleeps by itself: a nudge is meant for the deciding loop alone.
            own = Shutdown()
            step = partial(reflector.step, own)
            Thread(target=run_every, args=(1.0, step, own), daemon=True).start()

    def serve(self, host: str, port: int) -> Server:
        """Serve HTTP in a thread; the server is returned to be shut down."""
        metrics = ManagerMetrics(
            self.version, self.steering, self.reflectors, self.revisions, self.leads
        )
        metrics.add(self.lock)
        health = Health(self._missing, self._alive, metrics.text)
        server = Server((host, port), self.routes, self.lock, health)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return server

    def once(self) -> None:
        """Read everything one time, decide and act; KubeError when another manager leads."""
        for reflector in self.reflectors:
            reflector.list()
        if self.candidate and not self.candidate.run_once():
            raise KubeError(0, f"{self.candidate.holder} leads; stop it, or use --dry-run")
        self.step()

    def resign(self) -> None:
        """Let another lead at once."""
        if self.candidate:
            self.candidate.resign()

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
        if not self.leads():
            holder = self.candidate.holder if self.candidate else ""
            return f"standing by: {holder or 'nobody'} leads"
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


def _candidate(settings: Settings, changed: Callable[[], None]) -> Candidate:
    api = KubeApi.connect(settings.kubeconfig, CALL_SECONDS)
    return Candidate(Lease(api, settings.namespace), changed)


def _decoder(shape: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(shape).decode


def _own_version() -> str:
    try:
        return version("neurox")
    except PackageNotFoundError:
        return "unknown"
