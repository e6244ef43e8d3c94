import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.driven import environment

PASSES = Path(__file__).with_name("passes.py")
SCENARIO = """
driver = 580.95.05
cuda = 13.0

[gpu 0]
uuid = GPU-00000000-0000-0000-0000-000000000001
serial = 1654321987654
model = NVIDIA H200
architecture = hopper
pci_bus_id = 00000000:18:00.0
memory_bytes = 150754820096
reserved_bytes = 600000000
utilization = wave 0.5 0.1 10
power_watts = wave 400 100 10
power_limit_watts = 700
temperature_celsius = 55
memory_temperature_celsius = 65
sm_clock_hertz = 1980000000
process = 4711 1000000000 0.5

[gpu 1]
uuid = GPU-00000000-0000-0000-0000-000000000002
model = NVIDIA H200
memory_bytes = 150754820096
utilization = 0
"""


@pytest.fixture
def scenario_text() -> str:
    """Two GPUs."""
    return SCENARIO


@pytest.fixture
def served(library: Path, replay_library: Path, tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """What the agent serves after its passes on a scenario, or on a capture; and its stderr."""

    def run(
        *, scenario: str = "", record: Path | None = None, capture: Path | None = None
    ) -> tuple[str, str]:
        (tmp_path / "scenario").write_text(scenario)
        driven = environment(replay_library if capture else library, tmp_path / "scenario")
        env = {**driven, "NEUROX_NVML_CAPTURE": str(capture or "")}
        command = [sys.executable, str(PASSES), *([str(record)] if record else [])]
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout, done.stderr

    return run
