"""One pass: look at everything afresh, decide, release, and tell what changed."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from controllers.domain.policy import Policy
from controllers.domain.workload import Reason, Workload
from controllers.scheduling.decide import decide
from controllers.scheduling.decision import Decision, Release
from controllers.workload import seen
from controllers.workload.cache import Cache, View
from controllers.workload.jobs import Jobs
from controllers.workload.kube import KubeError
from controllers.workload.nodes import nodes
from controllers.workload.policy_file import PolicyFile
from controllers.workload.revisions import Report, RevisionLog
from controllers.workload.scene import Setback, snapshot
from controllers.workload.workloads import steered, with_departed, workloads

log = logging.getLogger(__name__)
PASS_SECONDS = 5.0
SETTLE_SECONDS = 0.3
"""Changes come in bursts; so long after the first one a pass begins."""
FIRST_RETRY_SECONDS = 5.0
LAST_RETRY_SECONDS = 1800.0
_NO_POLICY = Reason(
    "NO_POLICY",
    "This cluster has no policy yet, so nothing is started; the control plane sends it as soon "
    "as it reaches the cluster.",
)


@dataclass
class Figures:
    """Of the passes so far, for the metrics."""

    passes: int = 0
    releases: int = 0
    failures: int = 0
    seconds: float = 0.0
    """How long the last pass took."""
    at: float = 0.0
    """When the last pass ended, epoch seconds."""


class Steering:
    """Turns the cache into decisions and decisions into patches."""

    def __init__(
        self,
        cache: Cache,
        policy: PolicyFile,
        jobs: Jobs,
        revisions: RevisionLog,
        known_at: Callable[[], float | None],
    ) -> None:
        self.figures = Figures(at=time.time())
        self._cache = cache
        self._policy = policy
        self._jobs = jobs
        self._revisions = revisions
        self._known_at = known_at
        self._setbacks: dict[str, Setback] = {}
        self._last_view = View([], [], [], frozenset())

    def rest(self) -> None:
        """A pass that does nothing."""
        self.figures.at = time.time()

    def step(self) -> None:
        """One pass. Does nothing until every table has been complete once."""
        at = self._known_at()
        if at is None:
            self.rest()
            return
        begun = time.perf_counter()
        policy = self._policy.current
        view = self._view(at)
        known = workloads(view, policy)
        decision = self._decide(view, known, policy)
        failed = self._act(view, known, decision)
        if decision.actions:
            view = self._view(at)
            known = workloads(view, policy)
        changed = self._publish(view, known, policy, decision)
        self.figures.passes += 1
        self.figures.seconds = time.perf_counter() - begun
        self.figures.at = time.time()
        if changed or decision.actions:
            log.info(
                "pass: %d workloads, %d released, %d failed, %d waiting, %d changed, %.0f ms",
                len(known),
                len(decision.actions) - failed,
                failed,
                len(decision.reasons),
                changed,
                self.figures.seconds * 1000,
            )

    def _view(self, at: float) -> View:
        """The cluster now, with what was seen before and still counts."""
        self._last_view = with_departed(self._cache.view(at), self._last_view)
        return self._last_view

    def _decide(self, view: View, known: dict[str, Workload], policy: Policy) -> Decision:
        if not policy.revision:
            waiting = (work.id for work in known.values() if work.state == "Queued")
            return Decision(reasons=dict.fromkeys(waiting, _NO_POLICY))
        scene = snapshot(view, known.values(), policy, self._setbacks)
        return decide(scene, policy, time.time())

    def _act(self, view: View, known: dict[str, Workload], decision: Decision) -> int:
        """Carry the releases out, eight at a time; answers how many failed."""
        if not decision.actions:
            return 0
        jobs = {job.uid: job for job in view.jobs if steered(job, view)}
        pairs = [(jobs[known[action.workload].uid], action) for action in decision.actions]
        with ThreadPoolExecutor(max_workers=8) as pool:
            failed = sum(pool.map(lambda pair: self._release(*pair), pairs))
        self.figures.releases += len(pairs) - failed
        self.figures.failures += failed
        self._setbacks = {uid: s for uid, s in self._setbacks.items() if uid in jobs}
        return failed

    def _release(self, job: seen.Job, action: Release) -> bool:
        """Release one; True when it failed, which is tried again later and later."""
        try:
            self._jobs.release(job, action.placement)
        except KubeError as error:
            if error.status == 409:
                log.info("job %s/%s has changed meanwhile", job.namespace, job.name)
                return True  # the watch tells how, and the next pass decides anew
            times = self._setbacks[job.uid].times + 1 if job.uid in self._setbacks else 1
            wait = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (times - 1))
            self._setbacks[job.uid] = Setback(times, time.time() + wait, str(error))
            log.warning("release of job %s/%s failed: %s", job.namespace, job.name, error)
            return True
        self._setbacks.pop(job.uid, None)
        return False

    def _publish(
        self, view: View, known: dict[str, Workload], policy: Policy, decision: Decision
    ) -> int:
        told = {
            name: replace(work, reason=decision.reasons.get(name))
            if work.state == "Queued"
            else work
            for name, work in known.items()
        }
        report = Report(
            nodes=nodes(view, policy),
            workloads=told,
            namespaces=tuple(sorted(view.managed)),
            policy_revision=policy.revision or None,
        )
        return self._revisions.publish(report, view.at)
