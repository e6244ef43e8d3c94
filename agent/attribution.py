"""Whose the GPUs are: given by the kubelet, used by processes; the two are reconciled here."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from agent import deviceid
from agent.allocations import Grant, NodeDevices, allocated
from agent.catalogue import Series, Values
from agent.consumption import Consumption
from agent.deviceid import Device
from agent.holding import NOBODY, Holding, holding
from agent.jobs import JobMap
from agent.pods import Pod, PodNames
from agent.processes import Processes
from agent.snapshot import Allocation, Gpu, GpuUse, Process, Usage

log = logging.getLogger(__name__)

HIDDEN = (
    "the driver hides processes from this pid namespace: no series of processes, and shared GPUs "
    "are not told apart; see the chart value agent.hostPID"
)


class Claimed(Protocol):
    """The devices of this node's ResourceSlices."""

    revision: int

    def refresh(self) -> None:
        """Take what has changed."""

    def uuid(self, claim: str) -> str | None:
        """The uuid of ``POOL/DEVICE``."""


class Attribution:
    """Works out who is on which GPU when something changed; each pass only counts.

    ``proc`` is None where processes cannot be seen.
    """

    def __init__(
        self,
        proc: Path | None,
        names: PodNames,
        claimed: Claimed | None = None,
        jobs: JobMap | None = None,
    ) -> None:
        self._processes = Processes(proc) if proc else None
        self._names = names
        self._claimed = claimed
        self._jobs = jobs
        self._devices = NodeDevices()
        self._mps: set[str] = set()
        self._holdings: dict[str, Holding] = {}
        self._consumed: dict[str, Consumption] = {}
        self._allocations: tuple[Allocation, ...] = ()
        self._unresolved = 0
        self._lists: list[tuple[Process, ...]] = []
        self._state: tuple[object, ...] = ()
        if not proc:
            log.warning(HIDDEN)

    def wants_activity(self, uuid: str) -> bool:
        """Whether several are on the GPU, so that only their activity tells them apart."""
        who = self._holdings.get(uuid)
        if who is None or who.instances or who.sole is not None:
            return False
        return any(pod != NOBODY for pod in who.processes)

    def usage(self, uses: Sequence[GpuUse], grants: tuple[Grant, ...], now: float) -> Usage:
        """One pass at ``now``, monotonic seconds; ``grants`` are the kubelet's."""
        self._names.refresh()
        if self._claimed:
            self._claimed.refresh()
        up = [use for use in uses if use.gpu.up]
        self._renew(up, grants)
        pods, visible = [], self._processes is not None
        jobs = self._jobs.jobs if self._jobs else {}
        rest = {use.gpu.identity.uuid: jobs.get(use.gpu.identity.index, {}) for use in uses}
        for use in up:
            uuid, gpu = use.gpu.identity.uuid, use.gpu
            who, consumed = self._on(uuid, use.activity), self._consumed[uuid]
            consumed.passed(gpu, who, use.activity, now)
            seen = visible and use.processes is not None
            pods += consumed.pods(gpu, who, seen)
            rest[uuid] = {**rest[uuid], **consumed.rest(gpu, who, seen)}
        return Usage(tuple(pods), rest, self._unresolved, self._allocations, self._told())

    def _renew(self, uses: Sequence[GpuUse], grants: tuple[Grant, ...]) -> None:
        """Work out anew who is on which GPU, if anything that it depends on has changed."""
        lists = [(use.processes if self._processes else None) or () for use in uses]
        fresh = len(lists) != len(self._lists) or any(
            new is not old for new, old in zip(lists, self._lists, strict=True)
        )
        migs = tuple((use.gpu.identity, tuple(one.devices for one in use.gpu.migs)) for use in uses)
        state = (grants, self._names.revision, getattr(self._claimed, "revision", 0), migs)
        if not fresh and state == self._state:
            return
        self._lists, self._state = lists, state
        self._devices.learn([use.gpu for use in uses])
        if fresh and self._processes:
            self._processes.renew({process.pid for listed in lists for process in listed})
        for use, listed in zip(uses, lists, strict=True):
            if any(process.kind == "mps" for process in listed):
                self._mps.add(use.gpu.identity.uuid)
            elif listed:
                self._mps.discard(use.gpu.identity.uuid)
        self._hold([use.gpu for use in uses], lists, self._granted(grants))

    def _granted(self, grants: Iterable[Grant]) -> tuple[Allocation, ...]:
        alive = [grant for grant in grants if not self._names.ended((grant.namespace, grant.pod))]
        named = list(self._identified(alive))
        return allocated(named, self._devices.named, self._names.uid, self._mps.__contains__)

    def _identified(self, grants: Iterable[Grant]) -> Iterator[Grant]:
        """Claims by their slices' uuids, and HAMi's parts by what HAMi wrote on the pod."""
        picked: dict[Pod, list[str]] = {}
        for grant in grants:
            device = grant.device
            pod = (grant.namespace, grant.pod)
            if device.claim:
                device = self._claimed_device(device.claim) or device
            elif device.hami:
                if pod not in picked:
                    picked[pod] = deviceid.of_hami(self._names.hami(pod))
                if picked[pod]:
                    device = replace(device, uuid=picked[pod].pop(0))
            yield replace(grant, device=device) if device is not grant.device else grant

    def _claimed_device(self, claim: str) -> Device | None:
        uuid = self._claimed.uuid(claim) if self._claimed else None
        device = deviceid.parse(uuid) if uuid else None
        return replace(device, claim=claim) if device else None

    def _hold(
        self,
        gpus: Sequence[Gpu],
        lists: Sequence[tuple[Process, ...]],
        allocations: tuple[Allocation, ...],
    ) -> None:
        """Both sources by GPU; whoever uses a GPU without having been given it is told too."""
        self._unresolved, self._holdings, users = 0, {}, []
        for gpu, listed in zip(gpus, lists, strict=True):
            uuid = gpu.identity.uuid
            given = [one for one in allocations if one.uuid == uuid]
            owners = {process.pid: self._owner(process.pid) for process in listed}
            who = holding(gpu, given, listed, owners, self._servers(owners))
            self._holdings[uuid] = who
            self._consumed.setdefault(uuid, Consumption()).forget(who, self._names)
            for pod in who.pods:
                if pod not in who.holders:
                    users.append(Allocation(uuid, *pod, "", "", "none", "", self._names.uid(pod)))
        self._allocations = (*allocations, *users)

    def _owner(self, pid: int) -> Pod:
        """Whose the process is; one that is gone, or of an unknown pod, counts as unresolved."""
        origin = self._processes.of(pid) if self._processes else None
        if origin is not None and origin.uid is None:
            return NOBODY
        pod = self._names.of(origin.uid) if origin and origin.uid else None
        if pod is None:
            self._unresolved += 1
        return pod or NOBODY

    def _servers(self, pids: Iterable[int]) -> frozenset[int]:
        origins = ((pid, self._processes.of(pid)) for pid in pids) if self._processes else ()
        return frozenset(pid for pid, origin in origins if origin and origin.mps_server)

    def _on(self, uuid: str, activity: Mapping[int, float] | None) -> Holding:
        """Who is on the GPU; processes that only the activity knows, for they are newer, too."""
        who = self._holdings[uuid]
        new = [pid for pid in activity or () if pid not in who.owners]
        if new and self._processes:
            owners = {**who.owners, **{pid: self._owner(pid) for pid in new}}
            who = self._holdings[uuid] = replace(who, owners=owners)
        return who

    def _told(self) -> Values:
        told: dict[Series, float] = {_VISIBLE: float(self._processes is not None)}
        if self._names.up is not None:
            told[_PODS_UP] = float(self._names.up)
        return told


_VISIBLE: Series = ("neurox_agent_processes_visible", ())
_PODS_UP: Series = ("neurox_agent_pods_up", ())
