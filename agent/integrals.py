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
        self._renewed: set[Hashable] = set()

    def anew(self) -> None:
        """The driver was opened again: what it counts may have begun again."""
        self._renewed = set(self._raw)

    def add(self, key: Hashable, amount: float) -> float:
        """The total with ``amount`` more."""
        self._totals[key] = self._totals.get(key, 0.0) + amount
        return self._totals[key]

    def integrate(self, key: Hashable, rate: float, now: float) -> float:
        """The total after one more sample of a rate, by the trapezium between two samples."""
        before, self._rates[key] = self._rates.get(key), (rate, now)
        if before is None or not 0 < now - before[1] <= GAP_SECONDS:
            return self.add(key, 0.0)
        return self.add(key, (rate + before[0]) / 2 * (now - before[1]))

    def follows(self, key: Hashable) -> bool:
        """Whether the driver counts it itself."""
        return key in self._raw

    def follow(self, key: Hashable, raw: float, from_zero: bool = False) -> float:
        """The total of a driver's own counter; ``from_zero``: only what it counts from now on.

        A counter that fell to less than half, or at all when the driver was opened again, has
        begun again. A smaller fall is a wobble: the total waits for it to catch up.
        """
        before = self._raw.get(key)
        if before is None:
            self._raw[key] = raw
            return self.add(key, 0.0 if from_zero else raw)
        if raw < before / 2 or (raw < before and key in self._renewed):
            before = 0.0
        self._renewed.discard(key)
        self._raw[key] = max(raw, before)
        return self.add(key, max(0.0, raw - before))
