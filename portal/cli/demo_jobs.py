"""What the demo asks for next in a pool: sizes and lengths after published traces. Pure, seeded.

A pool is kept busy by three lanes of work: large gangs hold half of it, middle ones a quarter,
single GPUs the rest, which is how published GPU time divides. In each lane one workload more than
fits is asked for, so each has one that waits. When a lane's work ends, the next of it finds the
same GPUs free at once; that is how gangs start although nothing is reserved for them.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

SIZES = {1: 68.7, 2: 3.0, 4: 13.4, 8: 12.6, 16: 1.7}
"""How often of a hundred a gang has so many GPUs."""
LENGTHS = (
    (0.0, 60.0),
    (0.25, 131.0),
    (0.5, 1186.0),
    (0.75, 3340.0),
    (0.9, 12858.0),
    (0.95, 49936.0),
    (1.0, 259200.0),
)
"""Quantiles of run time in real seconds; nothing runs longer than three days."""
LEVELS = {"low": 30, "normal": 50, "high": 17, "critical": 3}
FASTER = 60
"""Times real life."""
SHORTEST_SECONDS, LONGEST_SECONDS = 5, 300
"""Of simulated run time. Longer ones would hold a fleet of this size for the whole visit."""
LARGE = 8
IDLE_RATIO = 0.1
PROMPT = 0.2
"""How often of one a look at the fleet makes somebody ask for a single GPU: some stay free."""
FILLERS = 3
"""Workloads that wait beside a gang that waits for the whole pool."""


@dataclass(frozen=True)
class Persona:
    """An ordinary user of one group; ``work`` names single, middle and large jobs."""

    user: str
    group: str
    work: tuple[tuple[str, ...], ...]


PERSONAS = (
    Persona(
        "amara",
        "vision",
        (
            ("segment-eval", "depth-infer", "caption"),
            ("detector-train", "vit-tune"),
            ("vit-train",),
        ),
    ),
    Persona(
        "bjorn",
        "speech",
        (("diarize-eval", "tts-synth"), ("asr-tune", "codec-train"), ("asr-train",)),
    ),
    Persona(
        "hana",
        "language",
        (("rank-eval", "embed", "translate"), ("lm-tune", "reward-train"), ("lm-pretrain",)),
    ),
)


@dataclass(frozen=True)
class Pool:
    """A pool that the demo may use. ``within``: GPUs in one cluster, ``widest``: on one node."""

    name: str
    gpus: int
    within: int
    widest: int

    def fits(self, gpus: int) -> bool:
        """Whether the nodes of one cluster have places for all pods of such a gang."""
        pods, each = shape(gpus, self.widest)
        return pods <= (self.within // self.widest) * (self.widest // each)


@dataclass(frozen=True)
class Standing:
    """An unfinished workload of a pool, whoever made it; ``waited`` is None once it started."""

    gpus: int
    waited: float | None = None


@dataclass(frozen=True)
class Lane:
    """Gangs of ``least`` GPUs and more, but fewer than ``under``: together they hold ``width``."""

    kind: int
    """0 for single GPUs, 1 for middle gangs, 2 for large ones."""
    least: int
    under: float
    width: int
    personas: tuple[Persona, ...]


@dataclass(frozen=True)
class Job:
    """One workload to ask for. ``seconds`` is simulated run time, ``load`` a ratio."""

    persona: Persona
    name: str
    gpus: int
    seconds: int
    level: str
    load: float


def length(quantile: float) -> float:
    """Real run time in seconds at a quantile: straight lines between the logarithms."""
    at = min(bisect_right([q for q, _ in LENGTHS], quantile), len(LENGTHS) - 1)
    (low, short), (high, long) = LENGTHS[at - 1], LENGTHS[at]
    part = (quantile - low) / (high - low)
    return math.exp(math.log(short) + part * (math.log(long) - math.log(short)))


def shape(gpus: int, widest: int) -> tuple[int, int]:
    """Pods and GPUs of each, the fewest pods that fit on nodes of ``widest`` GPUs."""
    pods = next(n for n in range(1, gpus + 1) if gpus % n == 0 and gpus // n <= max(1, widest))
    return pods, gpus // pods


def large(pool: Pool) -> int:
    """GPUs of the smallest gang that counts as large: half a cluster's part of the pool at most."""
    return max((size for size in SIZES if size <= min(LARGE, pool.within // 2)), default=1)


def lanes(pool: Pool, holders: Sequence[Persona]) -> list[Lane]:
    """The lanes of a pool. ``holders`` ask for the large, the middle and the single ones."""
    first, second, last = holders
    big, quarter = large(pool), pool.gpus // 4
    wide = 2 * quarter // big * big
    if big == 1 or not wide:
        return [Lane(0, 1, math.inf, pool.gpus, (first, second, last))]
    top = Lane(2, big, math.inf, wide, (first,))
    if big == 2:
        return [top, Lane(0, 1, 2, pool.gpus - wide, (second, last))]
    middle = Lane(1, 2, big, quarter, (second,))
    return [top, middle, Lane(0, 1, 2, pool.gpus - wide - quarter, (last,))]


def guarantees(pool: Pool, holders: Sequence[Persona]) -> dict[str, int]:
    """GPUs of the pool by group: the widths of its lanes; a pool of one lane is anybody's."""
    found: Counter[str] = Counter()
    several = lanes(pool, holders)
    for lane in several if len(several) > 1 else ():
        share, rest = divmod(lane.width, len(lane.personas))
        for at, persona in enumerate(lane.personas):
            found[persona.group] += share + (at < rest)
    return dict(found)


def holders(quotas: Mapping[str, int], personas: Sequence[Persona]) -> tuple[Persona, ...]:
    """Who asks for large, middle and single work: in the order of what is guaranteed to them."""
    ranked = sorted(personas, key=lambda persona: -quotas.get(persona.group, 0))
    last = ranked[-1] if quotas.get(ranked[-1].group) else ranked[0]
    return ranked[0], ranked[min(1, len(ranked) - 1)], last


def asks(
    random: Random,
    pool: Pool,
    standing: Iterable[Standing],
    quotas: Mapping[str, int],
    personas: Sequence[Persona] = PERSONAS,
) -> list[Job]:
    """What to ask for now. ``quotas``: the pool's guarantees as they are now, by any group."""
    known, found = list(standing), list[Job]()
    hurry = not known or any(_patient(pool, one) for one in known)
    for lane in lanes(pool, holders(quotas, personas)):
        if not lane.kind and not hurry and random.random() > PROMPT:
            continue
        while job := _next(random, pool, lane, known, quotas):
            found.append(job)
            known.append(Standing(job.gpus, 0.0))
    return found


def _next(
    random: Random, pool: Pool, lane: Lane, known: list[Standing], quotas: Mapping[str, int]
) -> Job | None:
    """The lane's next job, or None while enough of it stands."""
    room, longest = _room(pool, lane, known)
    persona = random.choice(lane.personas)
    most = _reach(pool, persona, quotas)
    fitting = [s for s in SIZES if lane.least <= s < lane.under and s <= most and pool.fits(s)]
    if room < 0 or longest < SHORTEST_SECONDS or not fitting:
        return None
    levels = list(LEVELS)[lane.kind : lane.kind + 2]
    return Job(
        persona=persona,
        name=f"{random.choice(persona.work[lane.kind])}-{random.getrandbits(20):05x}",
        gpus=random.choices(fitting, [SIZES[size] for size in fitting])[0],
        seconds=int(min(longest, max(SHORTEST_SECONDS, length(random.random()) / FASTER))),
        level=random.choices(levels, [LEVELS[level] for level in levels])[0],
        load=0.0 if random.random() < IDLE_RATIO else round(random.triangular(0.45, 0.99, 0.92), 2),
    )


def _room(pool: Pool, lane: Lane, known: list[Standing]) -> tuple[int, float]:
    """GPUs that the lane lacks, negative once one more of it waits, and seconds to fill them for.

    A gang beyond the large lane needs the whole pool to run dry. While one waits, single GPUs are
    asked for alone: a few as long as some are free, and only until all that runs has ended.
    """
    patient = [s.waited for s in known if s.waited is not None and _patient(pool, s)]
    if not patient:
        return lane.width - sum(_in_lane(pool, lane, s) for s in known), LONGEST_SECONDS
    others = [s for s in known if not _patient(pool, s)]
    free = pool.gpus - sum(s.gpus for s in others)
    fillers = FILLERS - sum(s.waited is not None for s in others)
    return -1 if lane.kind else min(free, fillers) - 1, LONGEST_SECONDS - max(patient)


def _patient(pool: Pool, one: Standing) -> bool:
    """Whether it is a gang that waits for several lanes to run dry, or for all of the large one."""
    return one.waited is not None and one.gpus > large(pool) and 2 * one.gpus >= pool.within


def _in_lane(pool: Pool, lane: Lane, one: Standing) -> int:
    """GPUs of the lane that it takes; what has the most of a pool is in everybody's way."""
    if 2 * one.gpus > pool.gpus:
        return lane.width
    return one.gpus if lane.least <= one.gpus < lane.under else 0


def _reach(pool: Pool, persona: Persona, quotas: Mapping[str, int]) -> int:
    """GPUs that the group's largest gang may have: what is guaranteed to nobody else.

    Of several clusters none can be cleared for a gang that needs all of it: work goes where it
    is sent, which is not for users to say.
    """
    others = sum(gpus for group, gpus in quotas.items() if group != persona.group)
    whole = pool.within == pool.gpus
    return min(pool.gpus - others, pool.within if whole else max(1, pool.within // 2))
