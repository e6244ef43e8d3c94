import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pynvml
import pytest

from agent.devices import Devices
from agent.nvml.driver import Driver
from agent.simulated.build import build
from agent.simulated.replay.build import build as build_replay
from infra.tools.toolbox import Toolbox


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the simulated driver, built without a single warning."""
    return build(tmp_path_factory.mktemp("nvml"), _strict()).parent


@pytest.fixture(scope="session")
def replay_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the driver that plays captures, built without a single warning."""
    return build_replay(tmp_path_factory.mktemp("replay"), _strict()).parent


def _strict() -> dict[str, str]:
    compiler = Toolbox.from_env().c_compiler()
    return {**os.environ, **compiler, "CC": f"{compiler['CC']} -Werror"}


@pytest.fixture
def scenario(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Puts a scenario in force for pynvml in this process; call it again to change it."""
    path = tmp_path / "scenario"
    monkeypatch.setenv("NEUROX_NVML_SCENARIO", str(path))
    monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(library / "libnvidia-ml.so.1")))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})

    def put(text: str) -> None:
        draft = path.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(path)

    return put


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No GPU is taken to be slow only because this machine is busy."""
    monkeypatch.setattr("agent.devices.PATIENCE_SECONDS", 5.0)


@pytest.fixture
def devices(scenario: Callable[[str], None], patient: None) -> Iterator[Devices]:
    devices = Devices(Driver())
    yield devices
    devices.close()
