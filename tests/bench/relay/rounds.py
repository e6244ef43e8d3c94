"""What is measured of every chain, in turns, so that what else the machine does falls on all."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import load
from chains import Chain

from tests.bench.figures import Figure

SMALL, BESIDE = 2000, 300
GIB = 1 << 30


@dataclass
class Sample:
    """Of one chain, a value for each round by what it is of."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, value: float) -> None:
        """That of a round."""
        self.values.setdefault(what, []).append(value)

    def of(self, what: str) -> float | None:
        """The median; None when it was not measured."""
        values = self.values.get(what)
        return statistics.median(values) if values else None


def round_of(chain: Chain, sample: Sample, gib: float, seconds: float) -> None:
    """Everything once."""
    amount, before = int(gib * GIB), chain.cpu_seconds()
    sample.add("1 down", load.down(chain.open, 1, amount) / GIB)
    sample.add("8 down", load.down(chain.open, 8, amount) / GIB)
    sample.add("1 up", load.up(chain.open, 1, amount) / GIB)
    for side, spent in enumerate(_since(before, chain.cpu_seconds())):
        sample.add(f"cpu {side}", spent / (3 * gib))
    latencies(sample, "small", load.small(chain.open, SMALL))
    sample.add("many", load.many(chain.open, 32, seconds))
    sample.add("fresh", load.fresh(chain, seconds))
    with load.busy(chain.open):
        latencies(sample, "beside", load.small(chain.open, BESIDE))


def round_of_direct(chain: Chain, sample: Sample) -> None:
    """Of no relay only what others are compared with, and what bounds them."""
    latencies(sample, "small", load.small(chain.open, SMALL))
    sample.add("fresh", load.fresh(chain, 1.0))


def latencies(sample: Sample, what: str, seconds: Sequence[float]) -> None:
    """Median and p99 in milliseconds."""
    sample.add(f"{what} p50", percentile(seconds, 0.5) * 1000)
    sample.add(f"{what} p99", percentile(seconds, 0.99) * 1000)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def figures(samples: Mapping[str, Sample]) -> Iterator[Figure]:
    """Ours beside nginx, no relay at all (direct), and ours behind Caddy."""
    ours, rival = samples["relay"], samples["nginx"]

    def figure(what: str, unit: str, key: str, **promise: float) -> Figure:
        row = (samples[name].of(key) for name in ("nginx", "direct", "caddy"))
        return Figure(what, unit, ours.of(key) or math.nan, **promise, **_beside(*row))

    for key, what in (("1 down", "1 stream"), ("8 down", "8 streams"), ("1 up", "1 stream, up")):
        least = 0.9 * (rival.of(key) or math.nan)
        yield figure(f"bulk, {what}", "GiB/s", key, least=least)
    yield figure("CPU of the server", "s/GiB", "cpu 0", most=1.4)
    yield figure("CPU of the client", "s/GiB", "cpu 1", most=1.4)
    yield from _added(samples)
    yield figure("small requests, 32 streams", "/s", "many", least=10_000)
    yield figure("new streams, warm pool", "/s", "fresh", least=2000)
    yield figure("small request beside a bulk stream, p50", "ms", "beside p50", most=5)
    yield figure("small request beside a bulk stream, p99", "ms", "beside p99", most=15)


def _added(samples: Mapping[str, Sample]) -> Iterator[Figure]:
    """What a small request takes longer than without any relay."""
    for name, most in (("p50", 0.35), ("p99", 1.0)):
        bare = samples["direct"].of(f"small {name}") or math.nan
        mine, their, edge = (
            None if value is None else value - bare
            for value in (samples[of].of(f"small {name}") for of in ("relay", "nginx", "caddy"))
        )
        what = f"small request, added, {name}"
        yield Figure(what, "ms", mine or math.nan, most=most, **_beside(their, None, edge))


def _beside(rival: float | None, bare: float | None, more: float | None) -> dict[str, float | None]:
    return {"rival": rival, "bare": bare, "more": more}


def _since(before: Sequence[float], after: Sequence[float]) -> list[float]:
    return [b - a for a, b in zip(before, after, strict=True)]
