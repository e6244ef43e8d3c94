"""A cluster as the loops of the control-manager see it, for tests of what they do with it."""

from dataclasses import dataclass, field

from controllers.domain.cluster import Node, StateDelta
from controllers.domain.policy import Policy
from controllers.domain.workload import Intent, Workload


class FakeClock:
    """A clock that moves by hand."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def report(
    gpus: int = 8,
    policy_revision: str | None = None,
    workloads: dict[str, Workload | None] | None = None,
    epoch: str = "e1",
    revision: int = 1,
) -> StateDelta:
    """A full report of one node in pool ``a`` with namespace ``vision``."""
    return StateDelta(
        epoch=epoch,
        revision=revision,
        full=True,
        observed_at=1000.0,
        kubernetes_version="v1.37.0",
        manager_version="0.1",
        policy_revision=policy_revision,
        namespaces=("vision",),
        nodes={"gpu-1": Node("gpu-1", True, False, gpus, 0, pool="a", simulated=True)},
        workloads=workloads or {},
    )


@dataclass
class RecordingManager:
    """A manager that notes its calls, and fails or answers as told."""

    policies: list[tuple[str, Policy]] = field(default_factory=list)
    created: list[tuple[str, str]] = field(default_factory=list)
    stopped: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[str, int]] = field(default_factory=list)
    answers: list[StateDelta] = field(default_factory=list)
    failure: Exception | None = None
    cluster: str = ""
    closed: bool = False

    def connect(self, cluster_id: str) -> "RecordingManager":
        self.cluster = cluster_id
        return self

    def state(self, epoch: str, since: int, wait: float) -> StateDelta:
        self._fail()
        self.asked.append((epoch, since))
        return self.answers.pop(0)

    def put_policy(self, policy: Policy) -> None:
        self._fail()
        self.policies.append((self.cluster, policy))

    def create(self, intent: Intent) -> None:
        self._fail()
        self.created.append((self.cluster, intent.id))

    def stop(self, intent_id: str) -> None:
        self._fail()
        self.stopped.append((self.cluster, intent_id))

    def close(self) -> None:
        self.closed = True

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
