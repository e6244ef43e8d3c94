"""Counters that never go back within the agent's life."""

from collections.abc import Hashable

GAP_SECONDS = 10.0
"""Longer without a sample than this is unknown time and adds nothing."""


class Integrals:
    """Running totals by key; ``now`` is monotonic seconds."""

    def __init__(self) -> None:
        self._totals: dict[Hashable, float] = {}
        self._rates: dict[Hashable, tuple[float, float]] = {}
        self._raw: dict[Hashable, float] = {}

    def integrate(self, key: Hashable, rate: float, now: float) -> float:
        """The total after one more sample of a rate, by the trapezium between two samples."""
        total = self._totals.get(key, 0.0)
        before = self._rates.get(key)
        if before is not None and 0 < now - before[1] <= GAP_SECONDS:
            total += (rate + before[0]) / 2 * (now - before[1])
        self._rates[key] = (rate, now)
        self._totals[key] = total
        return total

    def follow(self, key: Hashable, raw: float) -> float:
        """The total of a driver's own counter, carried over when the driver starts anew."""
        before = self._raw.get(key, 0.0)
        self._raw[key] = raw
        self._totals[key] = self._totals.get(key, 0.0) + (raw - before if raw >= before else raw)
        return self._totals[key]
