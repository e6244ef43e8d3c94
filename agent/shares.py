"""In which parts a GPU's work since the last pass was whose. Pure."""

from collections import defaultdict
from collections.abc import Mapping

from agent.holding import NOBODY, Holding, by_memory
from agent.ledger import Split
from agent.pods import Pod
from agent.snapshot import Gpu

_SAMPLE_MOST = 1.0
"""A share above this is garbage: drivers made it up for processes that had just ended."""


def split(
    gpu: Gpu, holding: Holding, activity: Mapping[int, float] | None, utilization: float
) -> Split:
    """``activity`` is the share of time by pid, ``utilization`` the device's over the same time."""
    if holding.instances:
        return _by_instance(gpu, holding)
    if (sole := holding.sole) is not None:
        return Split("exclusive", {sole: 1.0}, idle_to=sole)
    if holding.mps:
        parts = _by_clients(holding, activity or {}, utilization)
        return Split("mps_estimate", parts, holding.bearer)
    return Split("sm_share", _by_activity(holding, activity or {}, utilization), holding.bearer)


def _by_activity(
    holding: Holding, activity: Mapping[int, float], utilization: float
) -> dict[Pod, float]:
    """Scaled down to the device's utilisation when together they exceed it."""
    active = _active(holding, activity)
    whole = max(sum(active.values()), utilization)
    return {pod: share / whole for pod, share in active.items() if pod != NOBODY}


def _by_clients(
    holding: Holding, activity: Mapping[int, float], utilization: float
) -> dict[Pod, float]:
    """What others did not do, MPS clients did, in proportion to their memory.

    The driver cannot tell the clients' activity apart, or says that their server did it all.
    """
    others = _active(holding, {p: share for p, share in activity.items() if p not in holding.mps})
    whole = max(sum(_active(holding, activity).values()), utilization)
    if not whole:
        return {}
    parts = defaultdict(float, {pod: share / whole for pod, share in others.items()})
    left = 1 - sum(parts.values())
    for pod, part in by_memory(holding.clients).items():
        parts[pod] += part * left
    parts.pop(NOBODY, None)
    return parts


def _active(holding: Holding, activity: Mapping[int, float]) -> dict[Pod, float]:
    """The share of time by pod, of NOBODY too."""
    active: defaultdict[Pod, float] = defaultdict(float)
    for pid, share in activity.items():
        if 0 < share <= _SAMPLE_MOST:
            active[holding.owners.get(pid, NOBODY)] += share
    return active


def _by_instance(gpu: Gpu, holding: Holding) -> Split:
    """By what each instance did, else (before Hopper) by the compute slices that it has."""
    told = {one.gi: active for one in gpu.migs if (active := one.activity) is not None}
    weight = {one.gi: one.weight for one in holding.instances}
    done = {gi: weight[gi] * told.get(gi, 0.0) for gi in weight} if told else weight
    whole = sum(done.values()) if told else 1.0
    parts: defaultdict[Pod, float] = defaultdict(float)
    for one in holding.instances:
        for pod, part in one.parts.items():
            if pod != NOBODY and whole:
                parts[pod] += part * done[one.gi] / whole
    return Split("mig_activity" if told else "mig_slices", parts)
