"""Who was given the GPUs: the kubelet's pod-resources answer, polled in a thread of its own."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from agent import deviceid, protobuf
from agent.snapshot import Allocation
from agent.unary import CallFailed, UnaryChannel

log = logging.getLogger(__name__)

POLL_SECONDS = 3.0
KEEP_SECONDS = 60.0
"""How long the last answer is served while the kubelet does not answer, as when it restarts."""
_TIMEOUT_SECONDS = 5.0
_LIST = "/v1.PodResourcesLister/List"


def allocations(response: bytes) -> Iterator[Allocation]:
    """The GPUs in a ListPodResourcesResponse (pod-resources v1); other devices are left out."""
    for number, pod in protobuf.fields(response):
        if number != 1:
            continue
        texts = {field: value for field, value in protobuf.fields(pod) if field in (1, 2)}
        name, namespace = (texts.get(field, b"").decode() for field in (1, 2))
        for field, container in protobuf.fields(pod):
            if field == 3:
                yield from _container(container, namespace, name)


def _container(message: bytes, namespace: str, pod: str) -> Iterator[Allocation]:
    parts = list(protobuf.fields(message))
    name = next((value.decode() for field, value in parts if field == 1), "")
    for field, devices in parts:
        if field != 2:
            continue
        entries = list(protobuf.fields(devices))
        resource = next((value.decode() for number, value in entries if number == 1), "")
        for number, device_id in entries:
            if number == 2 and (device := deviceid.parse(device_id.decode())):
                yield Allocation(device.uuid, namespace, pod, name, resource, device.mode)


class Kubelet:
    """``up`` tells of the last poll; False until the first one succeeded."""

    def __init__(self, socket: Path) -> None:
        self.up = False
        self._channel = UnaryChannel(socket, _TIMEOUT_SECONDS)
        self._last: tuple[Allocation, ...] = ()
        self._answered_at: float | None = None

    def allocations(self, now: float) -> tuple[Allocation, ...]:
        """The last answer, unless it is too old to be believed; ``now`` is monotonic seconds."""
        at = self._answered_at
        return self._last if at is not None and now - at <= KEEP_SECONDS else ()

    def poll(self) -> None:
        """Ask once; a kubelet that does not answer is logged when that is news."""
        try:
            found = tuple(allocations(self._channel.call(_LIST, b"")))
        except (CallFailed, ValueError) as error:
            if self.up or self._answered_at is None:
                log.warning("pod-resources: %s; next try in %gs", error, POLL_SECONDS)
            self.up = False
            return
        if not self.up:
            log.info("pod-resources: connected, %d GPUs allocated", len(found))
        self._last, self._answered_at, self.up = found, time.monotonic(), True

    def run(self, stop: threading.Event) -> None:
        """Poll until ``stop``."""
        while not stop.is_set():
            try:
                self.poll()
            except Exception:
                log.exception("poll failed, next try in %gs", POLL_SECONDS)
            stop.wait(POLL_SECONDS)
        self._channel.close()
