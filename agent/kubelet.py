"""Who was given the GPUs: the kubelet's pod-resources answer, polled in a thread of its own."""

import logging
import math
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from agent import deviceid, protobuf
from agent.allocations import Grant
from agent.deviceid import Device
from agent.unary import CallFailed, UnaryChannel

log = logging.getLogger(__name__)

POLL_SECONDS = 3.0
KEEP_SECONDS = 60.0
"""How long the last answer is served while the kubelet does not answer, as when it restarts."""
_TIMEOUT_SECONDS = 5.0
_GRANTS_MAX = 4096
_LIST = "/v1.PodResourcesLister/List"


def grants(response: bytes) -> Iterator[Grant]:
    """The GPUs in a ListPodResourcesResponse (pod-resources v1); other devices are left out."""
    for number, pod in protobuf.fields(response):
        if number != 1:
            continue
        texts = {field: value for field, value in protobuf.fields(pod) if field in (1, 2)}
        name, namespace = (texts.get(field, b"").decode() for field in (1, 2))
        for field, container in protobuf.fields(pod):
            if field == 3:
                yield from _container(container, namespace, name)


def _container(message: bytes, namespace: str, pod: str) -> Iterator[Grant]:
    parts = list(protobuf.fields(message))
    name = next((value.decode() for field, value in parts if field == 1), "")
    for field, part in parts:
        if field == 2:
            found = _devices(part)
        elif field == 5:
            found = _claimed(part)
        else:
            continue
        for resource, device in found:
            yield Grant(namespace, pod, name, resource, device)


def _devices(message: bytes) -> Iterator[tuple[str, Device]]:
    """ContainerDevices: of a device plugin."""
    entries = list(protobuf.fields(message))
    resource = next((value.decode() for number, value in entries if number == 1), "")
    for number, device_id in entries:
        if number == 2 and (device := deviceid.parse(device_id.decode())):
            yield resource, device


def _claimed(message: bytes) -> Iterator[tuple[str, Device]]:
    """DynamicResource: a claim's devices, by pool and name; drivers of other hardware too."""
    for number, claimed in protobuf.fields(message):
        if number == 4:
            parts = dict(protobuf.fields(claimed))  # with CDI devices, which are no texts
            driver, pool, name = (parts.get(field, b"").decode() for field in (2, 3, 4))
            if pool and name:
                yield driver, Device(claim=f"{pool}/{name}")


def _bounded(found: Iterator[Grant]) -> tuple[Grant, ...]:
    """All or nothing: who holds a GPU alone is not told by a part of the answer."""
    kept = tuple(islice(found, _GRANTS_MAX + 1))
    if len(kept) > _GRANTS_MAX:
        raise ValueError(f"containers were given more than {_GRANTS_MAX} devices, and none is read")
    return kept


class Kubelet:
    """``up`` tells of the last poll; False until the first one succeeded."""

    def __init__(self, socket: Path) -> None:
        self.up = False
        self._channel = UnaryChannel(socket, _TIMEOUT_SECONDS)
        self._digest: int | None = None
        """Of the last answer, for one like it needs no reading."""
        self._last: tuple[Grant, ...] = ()
        self._answered_at = -math.inf
        self._failing = False

    def grants(self, now: float) -> tuple[Grant, ...]:
        """The last answer, unless it is too old to be believed; ``now`` is monotonic seconds."""
        return self._last if self._is_believed(now) else ()

    def tells(self, now: float) -> bool:
        """Whether the kubelet answers; a poll that never comes back is no answer either."""
        return self.up and self._is_believed(now)

    def _is_believed(self, now: float) -> bool:
        return now - self._answered_at <= KEEP_SECONDS

    def poll(self) -> None:
        """Ask once; a kubelet that does not answer is logged when that is news."""
        try:
            answer = self._channel.call(_LIST, b"")
            if (digest := hash(answer)) != self._digest:
                self._last = _bounded(grants(answer))
        except (CallFailed, ValueError) as error:
            if not self._failing:
                log.warning("pod-resources: %s; next try in %gs", error, POLL_SECONDS)
            self.up, self._failing = False, True
            return
        if not self.up:
            log.info("pod-resources: connected, %d devices given to containers", len(self._last))
        self._digest, self._answered_at = digest, time.monotonic()
        self.up, self._failing = True, False

    def run(self, stop: threading.Event) -> None:
        """Poll until ``stop``."""
        while not stop.is_set():
            try:
                self.poll()
            except Exception:
                log.exception("poll failed, next try in %gs", POLL_SECONDS)
            stop.wait(POLL_SECONDS)
        self._channel.close()
