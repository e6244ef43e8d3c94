"""GPUs with pods and processes on them whose true shares are known."""

import itertools
from dataclasses import dataclass

from hypothesis import strategies as st

from agent.deviceid import Device
from agent.pods import Pod

HOST: Pod = ("", "")
MIB = 1024**2
IDLE_WATTS, LOADED_WATTS = 80.0, 400.0
WHOLE_LINES = ("model = NVIDIA H200", f"memory_bytes = {80 * 1024 * MIB}")
LAYOUT = {1: "3g.40gb", 2: "2g.20gb", 3: "1g.10gb", 4: "1g.10gb"}
SLICES = {gi: int(profile[0]) for gi, profile in LAYOUT.items()}
MIG_LINES = ("profile = h100", *(f"mig = {gi} 0 {profile}" for gi, profile in LAYOUT.items()))
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


@dataclass(frozen=True)
class Card:
    """A GPU, who was given it, and what runs there. ``other``: time that no process explains."""

    uuid: str
    given: tuple[Pod, ...]
    works: tuple[Work, ...]
    other: float
    devices: tuple[Device, ...] = ()
    """What the pods were given, if not the GPU."""
    model: tuple[str, ...] = WHOLE_LINES

    @property
    def busy(self) -> float:
        return sum(work.share for work in self.works) + self.other

    def text(self, index: int, loaded: bool) -> str:
        busy = self.busy if loaded else 0.0
        lines = [
            f"[gpu {index}]",
            *self.model,
            f"uuid = {self.uuid}",
            f"memory_used_bytes = {sum(work.memory for work in self.works) + 7 * MIB}",
            f"utilization = {busy:.6f}",
            f"power_watts = {LOADED_WATTS if busy else IDLE_WATTS}",
        ]
        for work in self.works:
            share = work.share if loaded else 0.0
            lines.append(f"process = {work.pid} {work.memory} {share:.6f} {work.how}")
        return "\n".join(lines) + "\n"


@st.composite
def cards(draw: st.DrawFn, kinds: tuple[str, ...] = ("",)) -> list[Card]:
    """Up to three GPUs, with pods that were given them or not, and processes of the host."""
    example, memory, found = next(_examples), st.integers(1, 4096), []
    for index in range(draw(st.integers(1, 3))):
        pods = [("vision", f"pod-{index}-{n}") for n in range(draw(st.integers(0, 4)))]
        given = draw(st.lists(st.sampled_from(pods), unique=True)) if pods else []
        owners = draw(st.lists(st.sampled_from([*pods, HOST]), max_size=6))
        kind = draw(st.sampled_from(kinds))
        parts = [draw(st.integers(1, 100)) for _ in owners]
        hidden = draw(st.sampled_from([0, 50])) if owners else 0
        whole = (sum(parts) + hidden) / draw(st.floats(0.2, 1))
        works = [
            Work(1000 + 100 * index + n, pod, draw(memory) * MIB, part / whole, kind)
            for n, (pod, part) in enumerate(zip(owners, parts, strict=False))
        ]
        uuid = f"GPU-{example:08x}-0000-4000-8000-{index:012x}"
        found.append(Card(uuid, tuple(given), tuple(works), hidden / whole if whole else 0.0))
    return found


@st.composite
def cut_cards(draw: st.DrawFn) -> list[Card]:
    """A GPU cut into instances, each given to a pod or not, and used by it, by the host, or not."""
    uuid = f"GPU-{next(_examples):08x}-0000-4000-8000-000000000000"
    given, devices, works = [], [], []
    for gi, slices in SLICES.items():
        pod = ("vision", f"pod-{gi}")
        if draw(st.booleans()):
            given.append(pod)
            devices.append(Device(uuid, gi=gi, ci=0))
        owner = draw(st.sampled_from([pod, HOST, None]))
        parts = draw(st.lists(st.floats(0.05, 0.28), max_size=3)) if owner else []
        for n, part in enumerate(parts):
            memory = draw(st.integers(1, 4096)) * MIB
            works.append(Work(1000 * gi + n, owner, memory, part * slices / 7, f"gi {gi}"))
    if not devices:
        given, devices = [("vision", "pod-1")], [Device(uuid, gi=1, ci=0)]
    return [Card(uuid, tuple(given), tuple(works), 0.0, tuple(devices), MIG_LINES)]
