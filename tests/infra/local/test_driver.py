"""On the real ctypes path: the simulated library stands for a driver's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import simulated
from infra.tools.toolbox import Toolbox

PROGRAM = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from infra.local import driver
driver.KERNEL_SIDE = (Path(sys.argv[1]),)
found = driver.find()
print(json.dumps(asdict(found) if found else None))
"""
GPU = "[gpu {index}]\nuuid = GPU-{index}\nmodel = NVIDIA H200\nmemory_bytes = 1000000\n"


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lib")
    simulated.library(folder, Toolbox.from_env().c_compiler(), folder)
    return folder


def find(kernel_side: Path, libraries: Path, scenario: Path) -> object:
    env = {
        **os.environ,
        "LD_LIBRARY_PATH": str(libraries),
        "NEUROX_NVML_SCENARIO": str(scenario),
    }
    argv = [sys.executable, "-c", PROGRAM, str(kernel_side)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout)


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "scenario"
    path.write_text("driver = 580.95.05\n" + GPU.format(index=0) + GPU.format(index=1))
    return path


def test_the_gpus_of_a_driver_are_counted_and_named(libraries: Path, scenario: Path) -> None:
    assert find(scenario, libraries, scenario) == {"count": 2, "model": "NVIDIA H200"}


def test_our_simulated_library_is_never_taken_for_a_driver(
    libraries: Path, scenario: Path, tmp_path: Path
) -> None:
    assert find(tmp_path / "no-kernel-module", libraries, scenario) is None


def test_a_driver_without_gpus_is_none(libraries: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("driver = 580.95.05\n")
    assert find(empty, libraries, empty) is None


def test_a_kernel_module_without_the_library_is_none(scenario: Path, tmp_path: Path) -> None:
    assert find(scenario, tmp_path, scenario) is None
