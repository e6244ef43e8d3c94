"""What the loops ask of one cluster's workload-manager."""

from typing import Protocol

from controllers.domain.cluster import StateDelta
from controllers.domain.policy import Policy
from controllers.domain.workload import Intent


class Manager(Protocol):
    """A cluster's workload-manager; every call may raise Unreachable."""

    def state(self, epoch: str, since: int, wait: float) -> StateDelta:
        """What changed after ``since``; waits up to ``wait`` seconds for news."""

    def put_policy(self, policy: Policy) -> None:
        """Replace the policy that the cluster decides by."""

    def create(self, intent: Intent) -> None:
        """Make the workload; once made, again is nothing. Refused when it never can be."""

    def stop(self, intent_id: str) -> None:
        """End the workload; NotFound when the cluster has none of that id."""

    def close(self) -> None:
        """Give the connections back."""
