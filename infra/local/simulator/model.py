"""GPU models that a node can be said to have, by the label ``nvidia.com/gpu.product``."""

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


_MODELS = {
    "NVIDIA-B200": Model("NVIDIA B200", "blackwell", 180 * GIB, 140, 1000, 1.965e9, 3.996e9),
    "NVIDIA-H200": Model("NVIDIA H200", "hopper", 141 * GIB, 75, 700, 1.98e9, 3.201e9),
    "NVIDIA-H100-80GB-HBM3": Model(
        "NVIDIA H100 80GB HBM3", "hopper", 80 * GIB, 70, 700, 1.98e9, 2.619e9
    ),
    "NVIDIA-A100-SXM4-80GB": Model(
        "NVIDIA A100-SXM4-80GB", "ampere", 80 * GIB, 55, 400, 1.41e9, 1.593e9
    ),
    "NVIDIA-L40S": Model("NVIDIA L40S", "ada", 45 * GIB, 35, 350, 2.52e9, 9.001e9),
    "Tesla-T4": Model("Tesla T4", "turing", 15 * GIB, 10, 70, 1.59e9, 5.001e9),
}


def of_product(product: str) -> Model:
    """The model behind a product label; an unknown one gets its own name and an H200's body."""
    if known := _MODELS.get(product):
        return known
    name = product.replace("-", " ")[:80] or "NVIDIA H200"
    h200 = _MODELS["NVIDIA-H200"]
    return Model(name, "hopper", h200.memory_bytes, 75, 700, h200.sm_hertz, h200.memory_hertz)
