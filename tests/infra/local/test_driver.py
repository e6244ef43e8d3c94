"""On the real ctypes path: the simulated library stands for a driver's."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local import simulated
from infra.tools.toolbox import Toolbox
from tests.agent.driven import environment

PROGRAM = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from infra.local import driver
driver.KERNEL_SIDE = (Path(sys.argv[1]),)
try:
    found = driver.find()
except driver.DriverTrouble as trouble:
    sys.exit(str(trouble))
print(json.dumps(asdict(found) if found else None))
"""
GPU = "[gpu {index}]\nuuid = GPU-{index}\nmodel = NVIDIA H200\nmemory_bytes = 1000000\n"


@pytest.fixture
def compile_library() -> Callable[[str, Path], None]:
    def build(source: str, to: Path) -> None:
        env = {**os.environ, **Toolbox.from_env().c_compiler()}
        argv = [*shlex.split(env["CC"]), "-shared", "-fPIC", "-x", "c", "-", "-o", str(to)]
        subprocess.run(argv, env=env, input=source, text=True, timeout=60, check=True)

    return build


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lib")
    simulated.library(folder, Toolbox.from_env().c_compiler(), folder)
    return folder


def look(kernel_side: Path, libraries: Path, scenario: Path) -> "subprocess.CompletedProcess[str]":
    env = environment(libraries, scenario)
    argv = [sys.executable, "-c", PROGRAM, str(kernel_side)]
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30, check=False)


def find(kernel_side: Path, libraries: Path, scenario: Path) -> object:
    done = look(kernel_side, libraries, scenario)
    assert done.returncode == 0, done.stderr
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


def test_a_gpu_that_is_lost_is_counted_and_the_next_one_names_the_model(
    libraries: Path, tmp_path: Path
) -> None:
    partly = tmp_path / "partly"
    lost = GPU.format(index=0).replace("H200", "H100") + "lost = yes\n"
    partly.write_text("driver = 580.95.05\n" + lost + GPU.format(index=1))
    assert find(partly, libraries, partly) == {"count": 2, "model": "NVIDIA H200"}


def test_a_kernel_module_without_the_library_is_told(scenario: Path, tmp_path: Path) -> None:
    done = look(scenario, tmp_path, scenario)
    assert done.returncode == 1
    assert done.stderr.startswith("the loader finds no libnvidia-ml.so.1: ")


def test_a_driver_that_does_not_start_is_told_in_its_own_words(
    libraries: Path, scenario: Path, tmp_path: Path
) -> None:
    done = look(scenario, libraries, tmp_path / "absent")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "nvmlInit_v2 answers: Driver Not Loaded (9)"


def test_a_library_without_the_functions_is_told(
    scenario: Path, tmp_path: Path, compile_library: Callable[[str, Path], None]
) -> None:
    compile_library("int other(void) { return 0; }", tmp_path / "libnvidia-ml.so.1")
    done = look(scenario, tmp_path, scenario)
    assert done.returncode == 1
    assert "has no nvmlInit_v2" in done.stderr
