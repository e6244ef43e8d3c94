"""What the demo asks for: sizes, lengths and habits after published traces. Pure and seeded."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

SIZES = ((1, 68.7), (2, 3.0), (4, 13.4), (8, 12.6), (16, 1.7))
"""GPUs of a gang, and how often of a hundred."""
LENGTHS = (
    (0.0, 60.0),
    (0.25, 131.0),
    (0.5, 1186.0),
    (0.75, 3340.0),
    (0.9, 12858.0),
    (0.95, 49936.0),
    (0.99, 259200.0),
    (1.0, 259200.0),
)
"""Quantiles of run time in real seconds; nothing runs longer than three days."""
LEVELS = (("low", 30), ("normal", 50), ("high", 17), ("critical", 3))
SHORTEST_SECONDS = 5
LONGEST_IN_WAVE_SECONDS = 1200
"""Of the first wave, so that a first look sees things end, too."""
BATCH_MEAN = 7
IDLE_RATIO = 0.07
BUSY_HOURS, QUIET_HOURS = 6.0, 12.0
BUSY, QUIET = 2.8, 0.1


@dataclass(frozen=True)
class Persona:
    """An ordinary user of one group; ``share`` of the GPUs is guaranteed to the group."""

    user: str
    group: str
    share: float
    work: tuple[str, ...]


PERSONAS = (
    Persona(
        "amara",
        "vision",
        0.36,
        ("vit-pretrain", "detector-train", "segment-eval", "diffusion-tune", "depth-infer"),
    ),
    Persona(
        "bjorn",
        "speech",
        0.26,
        ("asr-train", "asr-tune", "tts-synth", "diarize-eval", "codec-train"),
    ),
    Persona(
        "hana",
        "language",
        0.26,
        ("lm-pretrain", "lm-tune", "embed-batch", "rank-eval", "translate-train"),
    ),
)


@dataclass(frozen=True)
class Job:
    """One workload to ask for. ``seconds`` is simulated run time, ``load`` a ratio."""

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


def size(random: Random, most: int) -> int:
    """GPUs of a gang, at most ``most``."""
    fitting = [(gpus, weight) for gpus, weight in SIZES if gpus <= max(1, most)]
    return random.choices([g for g, _ in fitting], [w for _, w in fitting])[0]


def shape(gpus: int, widest: int) -> tuple[int, int]:
    """Pods and GPUs of each, the fewest pods that fit on nodes of ``widest`` GPUs."""
    pods = next(n for n in range(1, gpus + 1) if gpus % n == 0 and gpus // n <= max(1, widest))
    return pods, gpus // pods


def activity(index: int, hours: float) -> float:
    """How eager the group of that index is: six busy hours, then twelve quiet ones, in turn."""
    busy = (hours + index * BUSY_HOURS) % (BUSY_HOURS + QUIET_HOURS) < BUSY_HOURS
    return BUSY if busy else QUIET


def target(hours: float) -> float:
    """Wanted GPUs, running and queued, as a ratio of all: about full, with a daily wave."""
    return 1.05 + 0.08 * math.sin(2 * math.pi * hours / 24)


def batch(random: Random, persona: Persona, most: int, rate: float) -> list[Job]:
    """Jobs that a person submits in one go: alike in kind, size and level."""
    count = 1 + int(random.expovariate(1 / (BATCH_MEAN - 0.5)))
    name, gpus, level = random.choice(persona.work), size(random, most), _level(random)
    return [
        Job(
            name=_named(random, name),
            gpus=gpus,
            seconds=_compressed(length(random.random()), rate),
            level=level,
            load=_load(random),
        )
        for _ in range(count)
    ]


def wave(
    random: Random, room: int, most: int, rate: float, personas: Sequence[Persona] = PERSONAS
) -> list[tuple[Persona, Job]]:
    """Jobs of ``room`` GPUs in all as if found half done: long ones are met more often.

    Largest first, so that they fit.
    """
    found: list[tuple[Persona, Job]] = []
    left = room
    while left > 0:
        persona = random.choices(personas, [p.share for p in personas])[0]
        lengths = [length(random.random()) for _ in range(8)]
        met = random.choices(lengths, lengths)[0]
        seconds = min(_compressed(met, rate), LONGEST_IN_WAVE_SECONDS)
        job = Job(
            name=_named(random, random.choice(persona.work)),
            gpus=size(random, min(most, left)),
            seconds=max(SHORTEST_SECONDS, int(seconds * random.uniform(0.1, 1.0))),
            level=_level(random),
            load=_load(random),
        )
        found.append((persona, job))
        left -= job.gpus
    return sorted(found, key=lambda pair: -pair[1].gpus)


def next_persona(
    random: Random, hours: float, weights: Mapping[str, float], personas: Sequence[Persona]
) -> Persona:
    """Who submits next: by the groups' weights and by who is busy at that hour."""
    eager = [weights[p.group] * activity(i, hours) for i, p in enumerate(personas)]
    return random.choices(personas, eager)[0]


def weights(random: Random, personas: Sequence[Persona] = PERSONAS) -> dict[str, float]:
    """How much each group wants: around its guarantee, some more and some less."""
    return {p.group: p.share * random.lognormvariate(0, 0.3) for p in personas}


def _compressed(seconds: float, rate: float) -> int:
    return max(SHORTEST_SECONDS, round(seconds / rate))


def _level(random: Random) -> str:
    return random.choices([name for name, _ in LEVELS], [weight for _, weight in LEVELS])[0]


def _load(random: Random) -> float:
    """Utilisation of the GPUs it holds; a few hold them and do nothing."""
    if random.random() < IDLE_RATIO:
        return 0.0
    return round(random.triangular(0.45, 0.99, 0.92), 2)


def _named(random: Random, work: str) -> str:
    return f"{work}-{random.getrandbits(20):05x}"
