"""Counters that never go back within the agent's life, nor grow by more than can be."""

import math
from collections.abc import Hashable, Mapping
from typing import NamedTuple

GAP_SECONDS = 10.0
"""Longer without a sample than this is unknown time and adds nothing."""
LATE_SECONDS = 10.0
"""A driver may tell what it counted a while ago, and a call may come back late."""
FIRST_SECONDS = 86400.0
"""A first reading that is worth more time than this is believed once the next one bears it out."""
MOST_PER_SECOND: Mapping[str, float] = {
    "joules": 5e3,  # several times what the largest GPU draws
    "seconds": 1e2,  # a second, but engines may be counted one by one
    "bytes": 4e12,  # twice what all NVLinks of the fastest GPU carry one way
    "count": 1e9,  # one event at each tick of a clock
}
"""By unit, what no counter of a GPU grows by: more is an error of the driver's."""


class _Mark(NamedTuple):
    raw: float
    at: float

    def leads_to(self, raw: float, now: float, most: float) -> bool:
        """Whether a counter may have come from here to ``raw``."""
        return 0 <= raw - self.raw <= most * (max(0.0, now - self.at) + LATE_SECONDS)


class Integrals:
    """Running totals by key; ``now`` is monotonic seconds, ``most`` what a second may add."""

    def __init__(self) -> None:
        self._totals: dict[Hashable, float] = {}
        self._rates: dict[Hashable, tuple[float, float]] = {}
        self._believed: dict[Hashable, _Mark] = {}
        self._doubted: dict[Hashable, _Mark] = {}
        self._renewed: set[Hashable] = set()

    def anew(self) -> None:
        """The driver was opened again: what it counts may have begun again."""
        self._renewed = set(self._believed)

    def add(self, key: Hashable, amount: float) -> float:
        """The total with ``amount`` more."""
        self._totals[key] = self._totals.get(key, 0.0) + amount
        return self._totals[key]

    def integrate(
        self, key: Hashable, rate: float, now: float, most: float = math.inf
    ) -> float | None:
        """The total after one more sample of a rate, by the trapezium between two samples.

        None: there can be no such rate, and it is not counted.
        """
        if not 0 <= rate <= most:
            return None
        before, self._rates[key] = self._rates.get(key), (rate, now)
        if before is None or not 0 < now - before[1] <= GAP_SECONDS:
            return self.add(key, 0.0)
        return self.add(key, (rate + before[0]) / 2 * (now - before[1]))

    def follows(self, key: Hashable) -> bool:
        """Whether the driver counts it itself."""
        return key in self._believed or key in self._doubted

    def now(self, key: Hashable) -> float | None:
        """What the driver counts itself, since it was loaded."""
        believed = self._believed.get(key)
        return believed and believed.raw

    def follow(
        self,
        key: Hashable,
        raw: float,
        now: float,
        most: float = math.inf,
        from_zero: bool = False,
    ) -> float | None:
        """The total of a driver's own counter; ``from_zero``: only what it counts from now on.

        So it is too where something else was added up until the driver told of its counter.

        A counter that fell to less than half, or at all when the driver was opened again, has
        begun again. A smaller fall is a wobble: the total waits for it to catch up.

        None: it can not have come to ``raw``, which is not counted. Should the next reading follow
        from this one, the counter has jumped for good, and is counted from there.
        """
        if raw < 0:
            return None
        from_zero = from_zero or key in self._totals
        believed, doubted = self._believed.get(key), self._doubted.pop(key, None)
        start = self._start(key, believed, raw)
        if believed is None:
            possible = from_zero or raw <= most * FIRST_SECONDS
        else:
            possible = _Mark(start, believed.at).leads_to(max(raw, start), now, most)
        if not possible:
            if doubted is None or not doubted.leads_to(raw, now, most):
                self._doubted[key] = _Mark(raw, now)
                return None
            start = doubted.raw if believed else 0.0
        self._renewed.discard(key)
        self._believed[key] = _Mark(max(raw, start), now)
        untold = believed is None and from_zero
        return self.add(key, 0.0 if untold else max(0.0, raw - start))

    def _start(self, key: Hashable, believed: _Mark | None, raw: float) -> float:
        """From where the counter has come to ``raw``."""
        if believed is None:
            return 0.0
        begun = raw < believed.raw / 2 or (raw < believed.raw and key in self._renewed)
        return 0.0 if begun else believed.raw
