"""Good and mutilated scenarios on a library that ends its process at the first wrong step."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from agent.simulated.build import BuildError, build
from infra.tools.toolbox import Toolbox

CHECKS = "address,undefined,float-cast-overflow,float-divide-by-zero"
SCENARIOS = 300


def runtime(compiler: str) -> str:
    """The sanitizer's library, which has to be loaded before all others."""
    command = [*shlex.split(compiler), "-print-file-name=libasan.so"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    found = Path(done.stdout.strip())
    if done.returncode or not found.is_file():
        pytest.skip(f"{compiler} has no sanitizers that a Python can load")
    return str(found)


def test_no_scenario_makes_the_driver_step_out_of_its_memory(tmp_path: Path) -> None:
    variables = Toolbox.from_env().c_compiler()
    preload = runtime(variables["CC"])
    strict = f"{variables['CC']} -fsanitize={CHECKS} -fno-sanitize-recover=all"
    try:
        build(tmp_path, {**os.environ, **variables, "CC": strict})
    except BuildError as error:
        pytest.skip(str(error))
    env = {
        **os.environ,
        "LD_PRELOAD": preload,
        "LD_LIBRARY_PATH": str(tmp_path),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
        "NEUROX_NVML_SCENARIO": str(tmp_path / "scenario"),
    }
    command = [sys.executable, str(Path(__file__).with_name("fuzz.py")), str(SCENARIOS)]
    done = subprocess.run(
        command, env=env, capture_output=True, encoding="latin-1", timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    good, refused = map(int, done.stdout.split())
    assert good + refused == SCENARIOS
    assert min(good, refused) > 50, "both kinds are asked"
    assert done.stderr.count(f"simulated NVML: {tmp_path}/scenario") == refused
