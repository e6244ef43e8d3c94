"""Work from the hub: checked against this cluster's policy, then created once, suspended."""

import re
from threading import Lock

from controllers.domain.errors import NotFound, Refused
from controllers.domain.names import require_label
from controllers.domain.times import is_time
from controllers.domain.workload import Intent, WorkloadSpec
from controllers.scheduling.reasons import count
from controllers.workload import manifest, rules, seen
from controllers.workload.cache import Cache
from controllers.workload.jobs import Jobs
from controllers.workload.kube import KubeError
from controllers.workload.nodes import rooms
from controllers.workload.policy_file import PolicyFile

RESERVED = frozenset({"user", "submitted-at", "placement", "intent"})
"""Annotations, prefixed by neurox.io/, that only the manager writes."""
MAX_PODS = 1000
STOPPED_KEPT = 1000
MAX_SECONDS = 10 * 365 * 86_400


class Intents:
    """Creates and stops the Jobs of intents."""

    def __init__(self, cache: Cache, policy: PolicyFile, jobs: Jobs) -> None:
        self._cache = cache
        self._policy = policy
        self._jobs = jobs
        self._stopped: dict[str, None] = {}
        """Ids; an order to make one of them may still be on its way, and comes to nothing."""
        self._stopping = Lock()

    def submit(self, intent: Intent) -> bool:
        """Create the Job; False when it is there already. Raises Refused."""
        made = self._submitted(intent)
        if intent.id in self._stopped:  # while the API server was asked
            self.stop(intent.id)
        return made

    def _submitted(self, intent: Intent) -> bool:
        if intent.id in self._stopped:
            raise Refused("id", "it was stopped before it came here")
        if any(job.marks.get("intent") == intent.id for job in self._cache.jobs.values()):
            return False
        namespace = self._check(intent)
        job = manifest.job(intent, namespace)
        try:
            self._jobs.create(job)
        except KubeError as error:
            if error.status == 409:
                return self._settle(intent, namespace, job["metadata"]["name"])
            if error.status in (400, 422):
                raise Refused("spec", f"the cluster refused the Job: {error}") from error
            raise
        return True

    def stop(self, intent_id: str) -> None:
        """Delete the intent's Job after its pods; raises NotFound."""
        with self._stopping:  # before we look: what is made after that sees it
            self._stopped[intent_id] = None
            while len(self._stopped) > STOPPED_KEPT:
                del self._stopped[next(iter(self._stopped))]
        for job in self._cache.jobs.values():
            if job.marks.get("intent") == intent_id:
                self._delete(job)
                return
        raise NotFound(f"no workload of intent {intent_id!r} is in this cluster")

    def _delete(self, job: seen.Job) -> None:
        try:
            if not job.deleting:
                self._jobs.delete(job)
        except KubeError as error:
            if error.status not in (404, 409):
                raise

    def _settle(self, intent: Intent, namespace: str, name: str) -> bool:
        """A Job of that name is there: fine if it is this intent's, made a moment ago."""
        if self._jobs.marks(namespace, name).get("intent") == intent.id:
            return False
        raise Refused("name", f"job {namespace}/{name} is there and is not of this intent")

    def _check(self, intent: Intent) -> str:
        """The namespace it will run in; raises Refused when it cannot or may not run here."""
        policy = self._policy.current
        if not policy.revision:
            raise Refused("policy", "this cluster has no policy yet; try again in a moment")
        spec = intent.spec
        if not is_time(intent.submitted_at):
            raise Refused("submitted_at", "submitted_at is not a time in epoch seconds")
        require_label("name", spec.name)
        claim = rules.Claim(spec.project, spec.group, spec.pool, spec.level)
        project = rules.check(claim, policy)
        view = self._cache.view(0.0)
        rules.check_namespace(project, project.namespace, view.managed)
        _check_shape(spec)
        sizes = [room.gpus for room in rooms(view, policy) if room.pool == spec.pool]
        _check_size(spec, sizes)
        return project.namespace


def _check_shape(spec: WorkloadSpec) -> None:
    if not 1 <= spec.pods <= MAX_PODS:
        raise Refused("pods", f"pods must be 1 to {MAX_PODS}, not {spec.pods}")
    if spec.gpus_per_pod < 1:
        raise Refused("gpus_per_pod", f"gpus_per_pod must be 1 or more, not {spec.gpus_per_pod}")
    if not re.fullmatch(r"[!-~]{1,1024}", spec.image):
        raise Refused("image", "image must be 1 to 1024 visible ASCII characters")
    seconds = spec.max_runtime_seconds
    if seconds is not None and not 1 <= seconds <= MAX_SECONDS:
        raise Refused("max_runtime_seconds", f"max_runtime_seconds must be 1 to {MAX_SECONDS}")
    for key in spec.annotations:
        name = key.removeprefix(seen.OURS)
        if name == key or name in RESERVED:
            raise Refused(
                "annotations",
                f"annotation {key!r} is not allowed: only those that begin with {seen.OURS}, "
                f"apart from {', '.join(sorted(RESERVED))}",
            )


def _check_size(spec: WorkloadSpec, sizes: list[int]) -> None:
    """Refuse what would not fit if the pool were empty."""
    if not sizes:
        raise Refused("pool", f"pool {spec.pool!r} has no GPU nodes in this cluster")
    if spec.gpus_per_pod > max(sizes):
        raise Refused(
            "gpus_per_pod",
            f"{spec.gpus_per_pod} GPUs on one node never fit: the largest node of pool "
            f"{spec.pool!r} has {max(sizes)}",
        )
    places = sum(size // spec.gpus_per_pod for size in sizes)
    if spec.pods > places:
        raise Refused(
            "pods",
            f"{spec.pods} pods of {count(spec.gpus_per_pod)} never fit at once: pool "
            f"{spec.pool!r} has places for {places}",
        )
