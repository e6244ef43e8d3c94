import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.images import oven
from infra.images.catalogue import IMAGES

DOCKERFILE = Path(oven.__file__).with_name("Dockerfile")


@pytest.mark.parametrize("name", ["Dockerfile", "debian.Dockerfile"])
def test_hadolint_finds_nothing(name: str) -> None:
    said = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), DOCKERFILE.with_name(name)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_every_image_is_a_target() -> None:
    targets = re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert set(IMAGES) <= set(targets)


def test_only_stages_of_the_building_platform_run_something() -> None:
    """So that an image for another architecture needs no emulation."""
    stages = re.split(r"^(?=FROM )", DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]
    running = [stage for stage in stages if re.search(r"^RUN ", stage, re.MULTILINE)]
    assert len(running) == 3
    assert all(stage.startswith("FROM --platform=${BUILDPLATFORM} ") for stage in running)
