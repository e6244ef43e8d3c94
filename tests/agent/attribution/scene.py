"""The agent's pipeline on GPUs whose true shares are known."""

import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.allocations import Grant
from agent.attribution import Attribution
from agent.deviceid import Device
from agent.devices import Devices
from agent.nvml.driver import Driver
from agent.pods import PodNames
from agent.sampler import Sampler
from agent.sight import Sight
from agent.snapshot import Snapshot
from tests.agent.attribution.cards import HOST, Card

Put = Callable[[str], None]


class Scene:
    """The agent's pipeline on a scenario whose clock the test moves."""

    def __init__(self, put: Put, cards: list[Card], folder: Path) -> None:
        self._put = put
        self._folder = folder
        self._time = 1_800_000_000.0
        self.kubelet = _Given([])
        self.change(cards)
        self._devices = Devices(Driver(), folder / "proc")
        attribution = Attribution(Sight(folder / "proc"), PodNames(folder / "pods"))
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

    def passes(self, count: int, loaded: bool, apart: float = 1.0) -> Iterator[Snapshot]:
        """So many, ``apart`` seconds of the scenario's clock."""
        for _ in range(count):
            self._time += apart
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
