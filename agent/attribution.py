"""Whose the GPUs are: given by the kubelet, used by processes; the two are reconciled here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from agent.allocations import Claimed, Given, Grant
from agent.catalogue import Series
from agent.consumption import Consumption
from agent.holding import NOBODY, Holding, holding
from agent.jobs import JobMap
from agent.pods import Pod, PodNames
from agent.processes import Processes
from agent.sight import Sight
from agent.snapshot import Allocation, Gpu, GpuUse, Process, Usage


class Attribution:
    """Works out who is on which GPU when something changed; each pass only counts."""

    def __init__(
        self,
        sight: Sight,
        names: PodNames,
        claimed: Claimed | None = None,
        jobs: JobMap | None = None,
    ) -> None:
        self._sight = sight
        self._processes = Processes(sight.proc) if sight.proc else None
        self._names = names
        self._claimed = claimed
        self._jobs = jobs
        self._given = Given(names, claimed)
        self._mps: set[str] = set()
        self._consumed: dict[str, Consumption] = {}
        self._lists: dict[str, tuple[Process, ...]] = {}
        self._overtaken: set[str] = set()
        """GPUs whose list is older than what is known of its pids."""
        self._state: tuple[object, ...] = ()
        self._allocations: tuple[Allocation, ...] = ()
        self._holdings: dict[str, Holding] = {}
        self._all: tuple[Allocation, ...] = ()
        """With those who use a GPU and were not given it."""
        self._unresolved = 0

    def wants_activity(self, uuid: str) -> bool:
        """Whether several may be on the GPU, so that only their activity tells them apart."""
        who = self._holdings.get(uuid)
        if who is None or who.instances or self._sight.reason:
            return False
        return who.sole is None and bool(who.pods)

    def usage(self, uses: Sequence[GpuUse], grants: tuple[Grant, ...], now: float) -> Usage:
        """One pass at ``now``, monotonic seconds; ``grants`` are the kubelet's."""
        self._names.refresh()
        if self._claimed:
            self._claimed.refresh()
        up = [use for use in uses if use.gpu.up]
        if up:
            self._sight.look((one.pid for use in up for one in use.processes or ()), now)
        self._renew(up, grants)
        pods, visible = [], self._sight.reason is None
        jobs = self._jobs.jobs if self._jobs else {}
        rest = {use.gpu.identity.uuid: jobs.get(use.gpu.identity.index, {}) for use in uses}
        for use in up:
            uuid, gpu = use.gpu.identity.uuid, use.gpu
            who, consumed = self._on(uuid, use.activity), self._consumed[uuid]
            consumed.passed(use, who, now)
            seen = visible and use.processes is not None
            pods += consumed.pods(gpu, who, seen)
            rest[uuid] = {**rest[uuid], **consumed.rest(gpu, who, seen)}
        agent: dict[Series, float] = {_VISIBLE: float(visible)}
        if self._names.up is not None:
            agent[_PODS_UP] = float(self._names.up)
        unresolved = self._unresolved if visible else None
        return Usage(tuple(pods), rest, unresolved, self._all, agent)

    def _renew(self, uses: Sequence[GpuUse], grants: tuple[Grant, ...]) -> None:
        """Work out anew who is on which GPU, where anything that it depends on has changed."""
        lists = {use.gpu.identity.uuid: self._listed(use) for use in uses}
        changed = self._changed(lists)
        migs = tuple((use.gpu.identity, tuple(one.devices for one in use.gpu.migs)) for use in uses)
        revision = self._claimed.revision if self._claimed else 0
        state = (grants, self._names.revision, revision, migs, frozenset(self._mps))
        anew = state != self._state
        if anew:
            self._state, self._holdings, changed = state, {}, set(lists)
            self._given.devices.learn([use.gpu for use in uses])
            self._allocations = self._given.allocations(grants, self._mps)
        for use in uses:
            if use.gpu.identity.uuid in changed:
                self._hold(use.gpu, lists[use.gpu.identity.uuid])
        if changed or anew:
            self._all = (*self._allocations, *self._users())
            pids = {process.pid for listed in lists.values() for process in listed}
            self._unresolved = sum(self._pod(pid) is None for pid in pids)

    def _listed(self, use: GpuUse) -> tuple[Process, ...]:
        return (None if self._sight.reason else use.processes) or ()

    def _changed(self, lists: dict[str, tuple[Process, ...]]) -> set[str]:
        """GPUs that others are on now; only a fresh list is looked at, and its pids checked."""
        changed: set[str] = set()
        old, self._lists = self._lists, lists
        fresh = [uuid for uuid, listed in lists.items() if listed is not old.get(uuid)]
        if not fresh or not self._processes:
            return changed
        for uuid in fresh:
            listed, who = lists[uuid], self._holdings.get(uuid)
            others = self._processes.renew(process.pid for process in listed)
            others = others or uuid in self._overtaken
            if others or listed != old.get(uuid) or (who and len(who.owners) > len(listed)):
                changed.add(uuid)
            if any(process.kind == "mps" for process in listed):
                self._mps.add(uuid)
            elif listed:
                self._mps.discard(uuid)
        self._overtaken.difference_update(fresh)
        self._processes.forget({process.pid for listed in lists.values() for process in listed})
        return changed

    def _hold(self, gpu: Gpu, listed: tuple[Process, ...]) -> None:
        """Both sources for one GPU."""
        uuid = gpu.identity.uuid
        given = [one for one in self._allocations if one.uuid == uuid]
        owners = {process.pid: self._pod(process.pid) or NOBODY for process in listed}
        who = holding(gpu, given, listed, owners, self._servers(owners))
        self._holdings[uuid] = who
        self._consumed.setdefault(uuid, Consumption()).forget(who, self._names)

    def _users(self) -> Iterator[Allocation]:
        """Whoever uses a GPU without having been given it."""
        for uuid, who in self._holdings.items():
            for pod in who.pods:
                if pod not in who.holders:
                    yield Allocation(uuid, *pod, "", "", "none", "", self._names.uid(pod))

    def _pod(self, pid: int) -> Pod | None:
        """Whose the process is, NOBODY's if the host's; None: it is gone, or its pod unknown."""
        origin = self._processes.of(pid) if self._processes else None
        if origin is None:
            return None
        return self._names.of(origin.uid) if origin.uid else NOBODY

    def _servers(self, pids: Iterable[int]) -> frozenset[int]:
        origins = ((pid, self._processes.of(pid)) for pid in pids) if self._processes else ()
        return frozenset(pid for pid, origin in origins if origin and origin.mps_server)

    def _on(self, uuid: str, activity: Mapping[int, float] | None) -> Holding:
        """Who is on the GPU; by what works now, for the list of processes is older."""
        who = self._holdings[uuid]
        if not activity or not self._processes:
            return who
        # Not on this GPU's list yet, or another process than the one that was.
        others = {*self._processes.others(activity), *(activity.keys() - who.owners.keys())}
        if others:
            owners = {**who.owners, **{pid: self._pod(pid) or NOBODY for pid in others}}
            who = self._holdings[uuid] = replace(who, owners=owners)
            self._overtaken.add(uuid)
        return who


_VISIBLE: Series = ("neurox_agent_processes_visible", ())
_PODS_UP: Series = ("neurox_agent_pods_up", ())
