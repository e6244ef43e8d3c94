"""What the pods consume of one GPU: each pass shares out what its counters grew by."""

from collections.abc import Iterable, Mapping

from agent.catalogue import BUSY_SECONDS, ENERGY, MEMORY_USED, POWER, Series, Values
from agent.holding import NOBODY, Holding
from agent.ledger import MICRO, Ledger, Tally
from agent.pods import Pod, PodNames
from agent.shares import split
from agent.snapshot import Gpu, GpuUse, PodUse

POD_MEMORY: Series = ("neurox_pod_gpu_memory_used_bytes", ())
POD_PROCESSES: Series = ("neurox_pod_gpu_processes", ())
POD_SM: Series = ("neurox_pod_gpu_sm_utilization_ratio", ())
POD_BUSY: Series = ("neurox_pod_gpu_busy_seconds_total", ())
_POD_ENERGY = "neurox_pod_gpu_energy_joules_total"
POD_ENERGY: Mapping[str, Series] = {
    method: (_POD_ENERGY, (method,))
    for method in ("exclusive", "sm_share", "mps_estimate", "mig_activity", "mig_slices")
}
UNATTRIBUTED_MEMORY: Series = ("neurox_gpu_unattributed_memory_bytes", ())
UNATTRIBUTED_PROCESSES: Series = ("neurox_gpu_unattributed_processes", ())
UNATTRIBUTED_BUSY: Series = ("neurox_gpu_unattributed_busy_seconds_total", ())
UNATTRIBUTED_ENERGY: Series = ("neurox_gpu_unattributed_energy_joules_total", ())
ENDED_BUSY: Series = ("neurox_gpu_ended_pods_busy_seconds_total", ())
ENDED_ENERGY: Series = ("neurox_gpu_ended_pods_energy_joules_total", ())


_NOTHING = Tally()


class Consumption:
    """One GPU over time; ``now`` is monotonic seconds. ``idle_watts`` is learned, 0 until then."""

    def __init__(self) -> None:
        self.idle_watts: float | None = None
        self._ledger = Ledger()
        self._uids: dict[Pod, str] = {}
        """Whose counters these are: another pod may take the name."""
        self._at: float | None = None
        self._counts_busy = False
        self._apart = False
        """Whether anything but lists of processes tells who is at work."""
        self._ratios: dict[Pod, float] = {}
        self._memory: Mapping[Pod, int] | None = {}

    def forget(self, holding: Holding, names: PodNames) -> None:
        """End the counters of pods that are nowhere any more, or whose name another pod has."""
        counted, known = self._ledger.pods.keys(), self._uids
        here = set(holding.pods)
        self._uids = {pod: names.uid(pod) or known.get(pod, "") for pod in counted | here}
        gone = {pod for pod in counted - here if names.gone(pod)}
        replaced = {pod for pod in counted if known.get(pod) and known[pod] != self._uids[pod]}
        self._ledger.end(gone | replaced)

    def passed(self, use: GpuUse, holding: Holding, now: float) -> None:
        """Share out what the device's counters grew by since the last pass."""
        gpu, activity, utilization = use.gpu, use.activity, use.utilization
        elapsed = now - self._at if self._at is not None else 0.0
        self._at = now
        self._memory = _memory(gpu, holding) if holding.memory_told else None
        busy, energy = gpu.values.get(BUSY_SECONDS), gpu.values.get(ENERGY)
        counted, self._counts_busy = self._counts_busy, busy is not None
        grown = self._ledger.busy_grown(busy) if busy is not None else 0
        if utilization is None:
            utilization = grown / elapsed / MICRO if elapsed > 0 else 0.0
        sole = holding.sole is not None
        self._apart = sole or activity is not None or bool(holding.instances)
        by = split(gpu, holding, activity, utilization)
        self._ledger.share_busy(grown, by.parts)
        # By the time of the driver's samples, not that of the pass: one may bring none, or two.
        self._ratios = {pod: min(1.0, part * utilization) for pod, part in by.parts.items()}
        if energy is None:
            return
        joules = self._ledger.energy_grown(energy)
        works = grown or utilization or any((activity or {}).values())
        if counted and busy is not None and not works:  # from one reading nothing is learned
            self._learn(gpu.values.get(POWER))
        idle = 0 if by.method == "mig_slices" else int((self.idle_watts or 0.0) * elapsed * MICRO)
        self._ledger.share_energy(joules, min(idle, joules), by)

    def pods(self, gpu: Gpu, holding: Holding, visible: bool) -> list[PodUse]:
        """What each pod has had of it; memory and processes only where processes are visible."""
        uuid, memory, processes = gpu.identity.uuid, self._memory, holding.processes
        tallies, ratios = self._ledger.pods, self._ratios
        energy, found = ENERGY in gpu.values, []
        counted, apart = self._counts_busy, self._apart
        for pod in self._order(holding):
            tally = tallies.get(pod)
            values: dict[Series, float] = {}
            if visible:
                values[POD_PROCESSES] = processes.get(pod, 0)
            if visible and memory is not None:
                values[POD_MEMORY] = memory.get(pod, 0)
            if counted and (tally or visible or apart):
                values[POD_BUSY] = (tally or _NOTHING).busy / MICRO
            if counted and apart:
                values[POD_SM] = ratios.get(pod, 0.0)
            if energy and tally:
                for method, micro in tally.energy.items():
                    values[POD_ENERGY[method]] = micro / MICRO
            found.append(PodUse(uuid, *pod, values))
        return found

    def _order(self, holding: Holding) -> Iterable[Pod]:
        """Whoever is on the GPU, then pods that have been, and live."""
        if self._ledger.pods.keys() <= set(holding.pods):
            return holding.pods
        return dict.fromkeys((*holding.pods, *self._ledger.pods))

    def rest(self, gpu: Gpu, holding: Holding, visible: bool) -> Values:
        """What no pod explains, and what ended pods have had."""
        values: dict[Series, float] = {}
        if visible:
            values[UNATTRIBUTED_PROCESSES] = holding.processes.get(NOBODY, 0)
        used = gpu.values.get(MEMORY_USED)
        if visible and used is not None and self._memory is not None:
            values[UNATTRIBUTED_MEMORY] = used - sum(self._memory.values())
        if self._counts_busy:
            values[UNATTRIBUTED_BUSY] = self._ledger.rest.busy / MICRO
            values[ENDED_BUSY] = self._ledger.ended.busy / MICRO
        if ENERGY in gpu.values:
            values[UNATTRIBUTED_ENERGY] = sum(self._ledger.rest.energy.values()) / MICRO
            values[ENDED_ENERGY] = sum(self._ledger.ended.energy.values()) / MICRO
        return values

    def _learn(self, watts: float | None) -> None:
        if watts is not None:
            self.idle_watts = watts if self.idle_watts is None else min(self.idle_watts, watts)


def _memory(gpu: Gpu, holding: Holding) -> dict[Pod, int]:
    """By pod. Scaled down when a list that is older than the device's figure exceeds it."""
    used = gpu.values.get(MEMORY_USED)
    if used is None or holding.held_bytes <= used:
        return holding.held
    return {pod: size * int(used) // holding.held_bytes for pod, size in holding.held.items()}
