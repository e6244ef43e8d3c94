"""What the charts ask for stays within what we promise, and what the docs say."""

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs/install/prerequisites.md"
UNITS = {"m": 1e-3, "": 1, "Mi": 2**20, "Gi": 2**30}


def quantity(text: str) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text)).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def asked(objects: list[dict[str, Any]], what: str, kinds: tuple[str, ...]) -> float:
    """The sum of requests of running containers over replicas: cores or bytes."""
    total = 0.0
    for each in objects:
        if each["kind"] in kinds:
            spec = each["spec"]
            containers = spec["template"]["spec"]["containers"]
            one = sum(quantity(c["resources"]["requests"][what]) for c in containers)
            total += one * spec.get("replicas", 1)
    return total


def disk(objects: list[dict[str, Any]]) -> float:
    claims = [c for each in objects for c in each.get("spec", {}).get("volumeClaimTemplates", [])]
    return sum(quantity(claim["spec"]["resources"]["requests"]["storage"]) for claim in claims)


def row(name: str) -> str:
    return next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| {name} |"))


def test_the_control_plane_fits_two_cores_four_gib_and_twenty_gib_of_disk(render: Any) -> None:
    objects = render("neurox")
    kinds = ("Deployment", "StatefulSet")
    cores, memory = (asked(objects, what, kinds) for what in ("cpu", "memory"))
    assert cores <= 2
    assert memory <= 4 * 2**30
    assert disk(objects) <= 20 * 2**30
    said = f"| {cores:g} cores | {memory / 2**30:.1f} GiB | {disk(objects) / 2**30:g} GiB |"
    assert said in row("control plane")


@pytest.mark.parametrize(
    ("kinds", "cores", "mebibytes", "name"),
    [
        (("Deployment",), 0.5, 512, "workload plane, without agents"),
        (("DaemonSet",), 0.05, 64, "each agent"),
    ],
)
def test_the_workload_plane_fits_half_a_core_and_half_a_gib(
    render: Any, kinds: tuple[str, ...], cores: float, mebibytes: float, name: str
) -> None:
    objects = render("neurox-workload")
    assert asked(objects, "cpu", kinds) <= cores
    memory = asked(objects, "memory", kinds) / 2**20
    assert memory <= mebibytes
    assert f"| {memory:g} MiB |" in row(name)
