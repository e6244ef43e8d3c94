"""One fleet for all end-to-end tests of a run."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fleet as fleets


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fleets.Fleet]:
    """Two nodes of eight GPUs, no demo, nothing else."""
    running = fleets.start(
        tmp_path_factory.mktemp("fleet"), "--nodes", "2", "--gpus", "8", "--no-demo"
    )
    try:
        yield fleets.await_address(running)
    finally:
        running.stop()
