"""What the charts ask for stays within what we promise, and what the docs say."""

from pathlib import Path
from typing import Any

import pytest

from tests.charts.size import asked, disk

PAGE = Path(__file__).parents[2] / "docs/install/prerequisites.md"


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


def test_the_page_says_what_a_bucket_adds(render: Any) -> None:
    plain = render("neurox")
    kept = render("neurox", {"thanos": {"objectStorage": {"existingSecret": "bucket"}}})
    kinds = ("Deployment", "StatefulSet")
    cores, memory = (asked(kept, w, kinds) - asked(plain, w, kinds) for w in ("cpu", "memory"))
    scratch = disk(kept) - disk(plain)
    said = f"{cores:.1f} cores, {memory / 2**20:g} MiB and {scratch / 2**30:g} GiB"
    assert f"A bucket adds {said} of scratch disk." in PAGE.read_text()
