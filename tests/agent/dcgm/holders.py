"""Pods that hold GPUs, as the kubelet and the driver tell of them."""

from agent.catalogue import Series
from agent.snapshot import Allocation, PodUse

MIB = 1 << 20
_SHARE: Series = ("neurox_pod_gpu_sm_utilization_ratio", ())
_MEMORY: Series = ("neurox_pod_gpu_memory_used_bytes", ())


def given(uuid: str, pod: str, container: str = "main", mig_uuid: str = "") -> Allocation:
    return Allocation(uuid, "vision", pod, container, "nvidia.com/gpu", "none", mig_uuid)


def used(uuid: str, pod: str, share: float, mib: int) -> PodUse:
    return PodUse(uuid, "vision", pod, {_SHARE: share, _MEMORY: mib * MIB})
