"""The GPU models of the simulated driver: each a file in ``profiles``, lines of a GPU's section.

``python -m agent.simulated.profile`` tells them as JSON, by product.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Profile:
    """One model. ``keys`` are the profile's own, and those of the profile that it builds on."""

    name: str
    text: str
    keys: Mapping[str, str]

    @property
    def product(self) -> str:
        """What the node label ``nvidia.com/gpu.product`` says of the model."""
        return self.keys["model"].replace(" ", "-")

    @property
    def is_card(self) -> bool:
        """Whether it is a GPU of the node's own; a guest's vGPU does not even draw power."""
        return "power_watts" in self.keys

    @property
    def memory_bytes(self) -> int:
        """All memory of the GPU."""
        return int(self.keys["memory_bytes"])


def _read() -> dict[str, Profile]:
    folder = resources.files("agent.simulated").joinpath("profiles")
    texts = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    return {name: Profile(name, texts[name], _keys(name, texts)) for name in sorted(texts)}


def _keys(name: str, texts: Mapping[str, str]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for line in texts[name].splitlines():
        key, equals, value = (part.strip() for part in line.partition("#")[0].partition("="))
        if equals:
            keys.update(_keys(value, texts) if key == "profile" else {key: value})
    return keys


PROFILES: Mapping[str, Profile] = _read()
"""By name."""


def of_product(product: str) -> Profile | None:
    """The profile of a node's GPUs by their label; None of a model that has none."""
    return products().get(product)


def products() -> dict[str, Profile]:
    """By what the node label says: cards, of which a layout of MIG has no label of its own."""
    return {one.product: one for one in reversed(list(PROFILES.values())) if one.is_card}


if __name__ == "__main__":
    json.dump(
        {
            product: {"profile": one.name, "memory_bytes": one.memory_bytes}
            for product, one in sorted(products().items())
        },
        sys.stdout,
    )
