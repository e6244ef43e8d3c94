"""What each pod consumed of one GPU, and what nobody did: parts that always add up to the whole.

Everything is counted in whole microseconds and microjoules, so that no part is lost to rounding:
pods + ended pods + unattributed = what the device counts, at every pass, and nothing goes back.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from agent.pods import Pod

MICRO = 1_000_000


@dataclass(slots=True)
class Tally:
    """Of one pod, in micro-units; joules by the method that told them apart."""

    busy: int = 0
    energy: dict[str, int] = field(default_factory=dict)

    def add(self, micro: int, method: str = "") -> None:
        """So much more energy; a method by which nothing was told apart has no series."""
        if micro:
            self.energy[method] = self.energy.get(method, 0) + micro


@dataclass(frozen=True)
class Split:
    """Parts of what was consumed since the last pass; they sum to 1 at most."""

    method: str
    parts: Mapping[Pod, float]
    idle_to: Pod | None = None
    """Who bears what the GPU draws while it does nothing; None: nobody."""


class Counter:
    """A device's own counter, as seen at the last pass."""

    def __init__(self) -> None:
        self.total: int | None = None

    def grown(self, total: float) -> int:
        """By how many micro-units since the last pass; a counter never goes back."""
        before = self.total or 0
        self.total = max(before, round(total * MICRO))
        return self.total - before


class Ledger:
    """The counters of one GPU; what it counted before the first pass is nobody's."""

    def __init__(self) -> None:
        self.pods: dict[Pod, Tally] = {}
        self.ended = Tally()
        self.rest = Tally()
        self._busy = Counter()
        self._energy = Counter()

    def busy_grown(self, seconds: float) -> int:
        """The device's busy seconds stand at ``seconds``; returns what is to be shared."""
        first, grown = self._busy.total is None, self._busy.grown(seconds)
        self.rest.busy += grown if first else 0
        return 0 if first else grown

    def energy_grown(self, joules: float) -> int:
        """As ``busy_grown``."""
        first, grown = self._energy.total is None, self._energy.grown(joules)
        self.rest.add(grown if first else 0)
        return 0 if first else grown

    def share_busy(self, grown: int, parts: Mapping[Pod, float]) -> None:
        """Each pod's part of ``grown``; what is left is nobody's."""
        left, tallies = grown, self.pods
        for pod, part in parts.items():
            share = min(left, int(grown * part))
            (tallies.get(pod) or self._opened(pod)).busy += share
            left -= share
        self.rest.busy += left

    def share_energy(self, grown: int, idle: int, split: Split) -> None:
        """As ``share_busy``; ``idle`` of it was not drawn by work."""
        left, active, method, tallies = grown, grown - idle, split.method, self.pods
        if split.idle_to is not None:
            (tallies.get(split.idle_to) or self._opened(split.idle_to)).add(idle, method)
            left -= idle
        for pod, part in split.parts.items():
            share = min(left, int(active * part))
            (tallies.get(pod) or self._opened(pod)).add(share, method)
            left -= share
        self.rest.add(left)

    def end(self, gone: Collection[Pod]) -> None:
        """These pods are no more; what they consumed stays in the sum of the ended ones."""
        for pod in gone:
            tally = self.pods.pop(pod)
            self.ended.busy += tally.busy
            self.ended.add(sum(tally.energy.values()))

    def _opened(self, pod: Pod) -> Tally:
        tally = self.pods[pod] = Tally()
        return tally
