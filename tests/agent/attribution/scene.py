"""The agent's pipeline on GPUs whose true shares are known."""

import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.allocations import Grant
from agent.attribution import Attribution
from agent.devices import Devices
from agent.kubelet import Kubelet
from agent.nvml.driver import Driver
from agent.pods import PodNames
from agent.sampler import Sampler
from agent.sight import Sight
from agent.snapshot import Snapshot
from tests.agent.attribution.cards import HOST, Card
from tests.agent.podresources import Answering, claimed, devices
from tests.agent.podresources import pod as answered

Put = Callable[[str], None]


class Scene:
    """The agent's pipeline on a scenario whose clock the test moves."""

    def __init__(self, put: Put, cards: list[Card], folder: Path) -> None:
        self._put = put
        self._folder = folder
        self._time = 1_800_000_000.0
        socket = folder.parent / "kubelet.sock"
        self._server, self._kubelet, self._claims = Answering(socket), _Polled(socket), _Claims()
        self.change(cards)
        self._devices = Devices(Driver(), folder / "proc")
        names = PodNames(folder / "pods")
        attribution = Attribution(Sight(folder / "proc"), names, self._claims)
        self._sampler = Sampler(self._devices, attribution, self._kubelet)

    def change(self, cards: list[Card]) -> None:
        """Other pods and processes on the same GPUs."""
        self._cards = cards
        self._server.response = b"".join(_given(cards))
        self._claims.give(cards)
        self._kubelet.poll()
        assert self._kubelet.up
        self._write(loaded=False)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._tree(self._folder)

    def close(self) -> None:
        self._devices.close()
        self._server.stop()

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


class _Polled(Kubelet):
    """Asked when something changed; the scenario's clock is not that of its answers."""

    def grants(self, now: float) -> tuple[Grant, ...]:
        return super().grants(time.monotonic())


class _Claims:
    """The devices of the node's ResourceSlices."""

    def __init__(self) -> None:
        self.revision = 0

    def give(self, cards: list[Card]) -> None:
        self._uuids = {one: one for index, card in enumerate(cards) for one in card.ids(index)}

    def refresh(self) -> None:
        """None changes between two stages."""

    def uuid(self, claim: str) -> str | None:
        return self._uuids.get(claim.removeprefix("pool/"))


def _given(cards: list[Card]) -> Iterator[bytes]:
    """What the kubelet answers, pod by pod."""
    for index, card in enumerate(cards):
        for (_, name), device in zip(card.given, card.ids(index), strict=True):
            claim = card.named == "claim"
            what = claimed("gpu.nvidia.com", "pool", device) if claim else None
            yield answered(name, what or devices("nvidia.com/gpu", device))
