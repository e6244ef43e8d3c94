"""GPU models of the simulated driver, by the label ``nvidia.com/gpu.product`` of a node."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_SECONDS = 60.0
_USUAL = "NVIDIA-H200"


@dataclass(frozen=True)
class Model:
    """A profile of the driver; ``name`` is what the GPU is called where the profile says else."""

    profile: str
    memory_bytes: int
    name: str = ""


Models = Mapping[str, Model]


def models() -> dict[str, Model]:
    """All that the driver knows; OSError when it cannot be asked."""
    argv = [sys.executable, "-m", "agent.simulated.profile"]
    try:
        said = subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except subprocess.SubprocessError as failure:
        raise OSError(f"the profiles of the simulated driver cannot be read: {failure}") from None
    return {product: Model(**one) for product, one in json.loads(said.stdout).items()}


def of_product(known: Models, product: str) -> Model:
    """The model behind a product label; an unknown one gets its own name and an H200's body."""
    if found := known.get(product):
        return found
    usual = known[_USUAL]
    return Model(usual.profile, usual.memory_bytes, product.replace("-", " ")[:80])
