"""GPU models that a simulated node can have. Data only."""

from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True)
class Model:
    """What a GPU of this model is able to; units are in the names."""

    name: str
    architecture: str
    memory_bytes: int
    idle_watts: float
    limit_watts: float
    sm_hertz: float
    memory_hertz: float


MODELS = {
    "NVIDIA-H200": Model("NVIDIA H200", "hopper", 141 * GIB, 75, 700, 1.98e9, 3.201e9),
    "NVIDIA-L40S": Model("NVIDIA L40S", "ada", 45 * GIB, 35, 350, 2.52e9, 9.001e9),
    "Tesla-T4": Model("Tesla T4", "turing", 15 * GIB, 10, 70, 1.59e9, 5.001e9),
}
"""By the value of the node's label ``nvidia.com/gpu.product``."""
