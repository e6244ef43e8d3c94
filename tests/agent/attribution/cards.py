"""GPUs with pods and processes on them whose true shares are known."""

import itertools
from dataclasses import dataclass

from hypothesis import strategies as st

from agent.pods import Pod

HOST: Pod = ("", "")
MIB = 1024**2
IDLE_WATTS, LOADED_WATTS = 80.0, 400.0
LAYOUT = {1: "3g.40gb", 2: "2g.20gb", 3: "1g.10gb", 4: "1g.10gb"}
SLICES = {gi: int(profile[0]) for gi, profile in LAYOUT.items()}
MPS = "mps"
NAMES = ("uuid", "minor", "claim")
_examples = itertools.count(1)


@dataclass(frozen=True)
class Work:
    """A process: whose it is, and what it truly holds and does."""

    pid: int
    pod: Pod
    memory: int
    share: float
    how: str = ""
    """``mps``, or ``gi N``."""
    before: int = MIB
    """What it held before it began to work."""

    @property
    def gi(self) -> int:
        return int(self.how.removeprefix("gi "))


@dataclass(frozen=True)
class Card:
    """A GPU, who was given it, and what runs there. ``other``: time that no process explains."""

    uuid: str
    given: tuple[Pod, ...]
    works: tuple[Work, ...]
    other: float = 0.0
    profile: str = "h100"
    gis: tuple[int, ...] = ()
    """The GPU instances that the pods were given, where it is cut."""
    named: str = "uuid"
    """By what the kubelet names it: one of NAMES."""

    @property
    def busy(self) -> float:
        return sum(work.share for work in self.works) + self.other

    def ids(self, index: int) -> list[str]:
        """What each pod was given, as the kubelet names it; uuids of what was claimed."""
        if self.gis and self.named == "minor":
            return [f"nvidia{index}/gi{gi}" for gi in self.gis]
        if self.gis:
            return [self.mig_uuid(gi) for gi in self.gis]
        shared = len(self.given) > 1
        if self.named == "minor":
            return [f"nvidia{index}" + f"/vgpu{n}" * shared for n in range(len(self.given))]
        replica = shared and self.named == "uuid"
        return [self.uuid + f"::{n}" * replica for n in range(len(self.given))]

    def mig_uuid(self, gi: int) -> str:
        return f"MIG-{gi}{self.uuid[5:]}"

    def text(self, index: int, loaded: bool) -> str:
        busy = self.busy if loaded else 0.0
        held = {work: work.memory if loaded else work.before for work in self.works}
        lines = [
            f"[gpu {index}]",
            f"profile = {self.profile}",
            f"uuid = {self.uuid}",
            f"memory_used_bytes = {sum(held.values()) + 7 * MIB}",
            f"utilization = {busy:.6f}",
            f"power_watts = {LOADED_WATTS if busy else IDLE_WATTS}",
        ]
        for gi, profile in LAYOUT.items() if self.gis else ():
            lines.append(f"mig = {gi} 0 {profile} {self.mig_uuid(gi)}")
        for work, memory in held.items():
            share = work.share if loaded else 0.0
            lines.append(f"process = {work.pid} {memory} {share:.6f} {work.how}")
        return "\n".join(lines) + "\n"


@st.composite
def cards(draw: st.DrawFn) -> list[Card]:
    """Up to three GPUs, with pods that were given them or not, and processes of the host."""
    example, memory, found = next(_examples), st.integers(1, 4096), []
    for index in range(draw(st.integers(1, 3))):
        pods = [("vision", f"pod-{index}-{n}") for n in range(draw(st.integers(0, 4)))]
        given = draw(st.lists(st.sampled_from(pods), unique=True)) if pods else []
        owners = draw(st.lists(st.sampled_from([*pods, HOST]), max_size=6))
        hows = st.sampled_from(draw(st.sampled_from([("",), (MPS,), ("", MPS)])))
        parts = [draw(st.integers(1, 100)) for _ in owners]
        hidden = draw(st.sampled_from([0, 50])) if owners else 0
        whole = (sum(parts) + hidden) / draw(st.floats(0.2, 1))
        works = tuple(
            Work(1000 + 100 * index + n, pod, held * MIB, part / whole, draw(hows), before * MIB)
            for n, (pod, part) in enumerate(zip(owners, parts, strict=True))
            for held, before in [(draw(memory), draw(memory))]
        )
        uuid, other = _uuid(example, index), hidden / whole if whole else 0.0
        named = draw(st.sampled_from(NAMES))
        found.append(Card(uuid, tuple(given), works, other, named=named))
    return found


@st.composite
def cut_cards(draw: st.DrawFn, profiles: tuple[str, ...] = ("h100", "a100")) -> list[Card]:
    """A GPU cut into instances, each given to a pod or not, and used by it, by the host, or not."""
    gis, works, pods = {}, [], st.sampled_from([("vision", f"pod-{n}") for n in range(3)])
    for gi, slices in SLICES.items():
        pod = draw(pods)
        if draw(st.booleans()):
            gis[gi] = pod
        owner = draw(st.sampled_from([pod, HOST, None]))
        parts = draw(st.lists(st.floats(0.05, 0.28), max_size=3)) if owner else []
        for n, part in enumerate(parts):
            held, before = (draw(st.integers(1, 4096)) * MIB for _ in range(2))
            share = part * slices / 7
            works.append(Work(1000 * gi + n, owner, held, share, f"gi {gi}", before))
    gis = gis or {1: ("vision", "pod-0")}
    return [
        Card(
            _uuid(next(_examples), 0),
            given=tuple(gis.values()),
            works=tuple(works),
            profile=draw(st.sampled_from(profiles)),
            gis=tuple(gis),
            named=draw(st.sampled_from(NAMES)),
        )
    ]


def _uuid(example: int, index: int) -> str:
    return f"GPU-{example:08x}-0000-4000-8000-{index:012x}"
