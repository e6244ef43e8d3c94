"""The scenario states what each process truly did; the agent must find that, and lose nothing."""

import itertools
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.allocations import Grant
from agent.attribution import Attribution
from agent.catalogue import BUSY_SECONDS, ENERGY, MEMORY_USED
from agent.consumption import (
    ENDED_BUSY,
    ENDED_ENERGY,
    POD_BUSY,
    POD_ENERGY,
    POD_MEMORY,
    UNATTRIBUTED_BUSY,
    UNATTRIBUTED_ENERGY,
    UNATTRIBUTED_MEMORY,
)
from agent.deviceid import Device
from agent.devices import Devices
from agent.nvml.driver import Driver
from agent.pods import Pod, PodNames
from agent.sampler import Sampler
from agent.snapshot import Snapshot

Put = Callable[[str], None]
HOST: Pod = ("", "")
ENDED: Pod = ("", "ended")
MIB = 1024**2
IDLE_WATTS, LOADED_WATTS = 80.0, 400.0
IDLE_PASSES, WARM_PASSES, PASSES = 4, 12, 20
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

    @property
    def busy(self) -> float:
        return sum(work.share for work in self.works) + self.other

    def text(self, index: int, loaded: bool) -> str:
        busy = self.busy if loaded else 0.0
        lines = [
            f"[gpu {index}]",
            *(MIG_LINES if self.devices else WHOLE_LINES),
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


class Scene:
    """The agent's pipeline on a scenario whose clock the test moves."""

    def __init__(self, put: Put, cards: list[Card], folder: Path) -> None:
        self._put = put
        self._folder = folder
        self._time = 1_800_000_000.0
        self.kubelet = _Given([])
        self.change(cards)
        self._devices = Devices(Driver(), folder / "proc")
        attribution = Attribution(folder / "proc", PodNames(folder / "pods"))
        self._sampler = Sampler(self._devices, attribution, self.kubelet)

    def change(self, cards: list[Card]) -> None:
        """Other pods and processes on the same GPUs."""
        self._cards = cards
        self.kubelet.give(cards)
        self._write(loaded=False)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._tree(self._folder)

    def close(self) -> None:
        self._devices.close()

    def passes(self, count: int, loaded: bool) -> Iterator[Snapshot]:
        for _ in range(count):
            self._time += 1
            self._write(loaded)
            self._sampler.sample(self._time)
            assert self._sampler.snapshot is not None
            yield self._sampler.snapshot

    def _write(self, loaded: bool) -> None:
        gpus = "".join(card.text(index, loaded) for index, card in enumerate(self._cards))
        self._put(f"driver = 580.95.05\nclock = {self._time}\n{gpus}")

    def _tree(self, folder: Path) -> None:
        (folder / "pods").mkdir(parents=True)
        for pod in {w.pod for card in self._cards for w in card.works} - {HOST}:
            uid = f"{zlib.crc32(pod[1].encode()):08x}-0000-4000-8000-000000000000"
            (folder / "pods" / f"{pod[0]}_{pod[1]}_{uid}").mkdir(parents=True)
            for work in (w for card in self._cards for w in card.works if w.pod == pod):
                self._put_process(work.pid, f"/kubepods/pod{uid}/{'ab' * 32}")
        for work in (w for card in self._cards for w in card.works if w.pod == HOST):
            self._put_process(work.pid, "/system.slice/sshd.service")

    def _put_process(self, pid: int, cgroup: str) -> None:
        home = self._folder / "proc" / str(pid)
        home.mkdir(parents=True)
        (home / "cgroup").write_text(f"0::{cgroup}\n")
        (home / "stat").write_text(f"{pid} (x) S {'0 ' * 18}{int(self._time)} 0\n")


class _Given:
    """What a kubelet would say: replicas where several hold a GPU."""

    up = True

    def __init__(self, cards: list[Card]) -> None:
        self.give(cards)

    def give(self, cards: list[Card]) -> None:
        self._grants = tuple(
            Grant(*pod, "main", "nvidia.com/gpu", device)
            for card in cards
            for pod, device in zip(card.given, card.devices or _wholes(card), strict=True)
        )

    def grants(self, now: float) -> tuple[Grant, ...]:
        return self._grants


def _wholes(card: Card) -> list[Device]:
    return [Device(card.uuid, replica=len(card.given) > 1) for _ in card.given]


def _micro(value: float) -> int:
    return round(value * 1e6)


def parts(shot: Snapshot, uuid: str) -> dict[str, Counter[Pod]]:
    """Memory in bytes, busy time and energy in micro-units, by pod; HOST is the unattributed."""
    found: dict[str, Counter[Pod]] = {name: Counter() for name in ("memory", "busy", "energy")}
    for use in shot.usage.pods:
        if use.uuid == uuid:
            pod = (use.namespace, use.pod)
            found["memory"][pod] = int(use.values[POD_MEMORY])
            found["busy"][pod] = _micro(use.values.get(POD_BUSY, 0.0))
            joules = (use.values.get(series, 0.0) for series in POD_ENERGY.values())
            found["energy"][pod] = sum(map(_micro, joules))
    rest = shot.usage.gpus[uuid]
    found["memory"][HOST] = int(rest[UNATTRIBUTED_MEMORY])
    found["busy"][HOST] = _micro(rest.get(UNATTRIBUTED_BUSY, 0.0))
    found["energy"][HOST] = _micro(rest[UNATTRIBUTED_ENERGY])
    found["busy"][ENDED] = _micro(rest.get(ENDED_BUSY, 0.0))
    found["energy"][ENDED] = _micro(rest[ENDED_ENERGY])
    return found


def check_sums(shot: Snapshot) -> None:
    """Pods, those that ended and the unattributed are exactly what the device says."""
    for gpu in shot.gpus:
        found = parts(shot, gpu.identity.uuid)
        assert found["memory"].total() == gpu.values[MEMORY_USED]
        if BUSY_SECONDS in gpu.values:  # MIG hides it
            assert found["busy"].total() == _micro(gpu.values[BUSY_SECONDS])
        assert found["energy"].total() == _micro(gpu.values[ENERGY])


def check_methods(shot: Snapshot) -> None:
    """Each is one by which something was told apart; of a GPU cut on Hopper, not its slices."""
    for use in shot.usage.pods:
        joules = {method: use.values.get(series) for method, series in POD_ENERGY.items()}
        assert 0 not in joules.values(), joules


def check_order(before: Snapshot, after: Snapshot) -> None:
    """No counter goes back."""
    for gpu in after.gpus:
        uuid = gpu.identity.uuid
        old, new = parts(before, uuid), parts(after, uuid)
        for name in ("busy", "energy"):
            gone = old[name].keys() - new[name].keys()
            assert all(new[name][pod] >= old[name][pod] for pod in old[name].keys() - gone), name
            assert new[name][ENDED] - old[name][ENDED] == sum(old[name][pod] for pod in gone)


def truth(card: Card) -> dict[str, Counter[Pod]]:
    """By pod, for one second of load; memory for good."""
    pods = {*card.given, *(work.pod for work in card.works)}
    memory, share = Counter({HOST: 7 * MIB}), Counter({HOST: card.other})
    for work in card.works:
        memory[work.pod] += work.memory
        share[work.pod] += work.share
    watts = LOADED_WATTS if card.busy else IDLE_WATTS
    if len(pods) == 1 and HOST not in pods and not card.devices:  # all is its own
        [sole] = pods
        return {
            "memory": memory,
            "busy": Counter({sole: card.busy}),
            "energy": Counter({sole: watts}),
        }
    bearer = card.given[0] if len(card.given) == 1 and not card.devices else HOST
    energy = Counter({bearer: IDLE_WATTS})
    for pod, part in share.items():
        energy[pod] += (watts - IDLE_WATTS) * part / card.busy if card.busy else 0.0
    return {"memory": memory, "busy": share, "energy": energy}


def check_truth(card: Card, before: Snapshot, after: Snapshot) -> None:
    true, old, new = truth(card), parts(before, card.uuid), parts(after, card.uuid)
    for pod in {*true["memory"], *new["memory"]}:
        assert new["memory"][pod] == true["memory"][pod]
    for name in ("busy", "energy"):
        whole = true[name].total()
        for pod in {*true[name], *new[name]}:
            found = (new[name][pod] - old[name][pod]) / 1e6 / PASSES
            assert found == pytest.approx(true[name][pod], abs=0.01 * whole), (name, pod)


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
    return [Card(uuid, tuple(given), tuple(works), 0.0, tuple(devices))]


def run(put: Put, folder: Path, stages: list[list[Card]]) -> Iterator[Snapshot]:
    """Each stage does nothing for a while, then works."""
    scene = Scene(put, stages[0], folder)
    try:
        for cards in stages:
            scene.change(cards)
            yield from scene.passes(IDLE_PASSES, loaded=False)
            yield from scene.passes(WARM_PASSES + PASSES, loaded=True)
    finally:
        scene.close()


def check(shots: list[Snapshot]) -> None:
    for shot in shots:
        check_sums(shot)
        check_methods(shot)
    for earlier, later in itertools.pairwise(shots):
        check_order(earlier, later)


anything = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@anything
@given(cards=st.one_of(cards(), cut_cards()))
def test_each_pod_has_its_true_share(scenario: Put, tmp_path: Path, cards: list[Card]) -> None:
    shots = list(run(scenario, tmp_path / cards[0].uuid, [cards]))
    check(shots)
    for card in cards:
        check_truth(card, shots[-1 - PASSES], shots[-1])


@anything
@given(stages=st.lists(cards(kinds=("", "mps")), min_size=2, max_size=3))
def test_nothing_is_lost_as_pods_come_and_go(
    scenario: Put, tmp_path: Path, stages: list[list[Card]]
) -> None:
    """Also where MPS leaves only an estimate."""
    count = min(len(cards) for cards in stages)
    same = [
        [replace(card, uuid=one.uuid) for card, one in zip(cards, stages[0], strict=False)][:count]
        for cards in stages
    ]
    shots = list(run(scenario, tmp_path / stages[0][0].uuid, same))
    check(shots)
    for card in same[-1]:
        assert parts(shots[-1], card.uuid)["memory"] == truth(card)["memory"]
