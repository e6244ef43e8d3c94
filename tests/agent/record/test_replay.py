"""What is recorded plays: the agent serves the same on the capture as it did on the driver."""

import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pynvml
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.simulated.replay.build import functions

PROFILES = [one.name for one in resources.files("agent.simulated").joinpath("profiles").iterdir()]
CAPTURES = sorted((Path(__file__).parents[1] / "captures").glob("*.nvml"))
_ANY_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def values(text: str, name: str) -> list[float]:
    return [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_replayed_agent_serves_what_the_recorded_one_served(
    served: Callable, tmp_path: Path, profile: str
) -> None:
    scenario = "driver = 580.95.05\n" + "".join(
        f"[gpu {index}]\nprofile = {profile}\nuuid = GPU-{index:08}-0000-0000-0000-00000000abcd\n"
        f"process = {4711 + index} 1000000000 0.5\n"
        for index in range(2)
    )
    recorded, _ = served(scenario=scenario, record=tmp_path / "capture")
    replayed, complaints = served(capture=tmp_path / "capture")
    assert values(recorded, "neurox_gpu_up") == [1.0, 1.0]
    assert len(values(recorded, "neurox_gpu_memory_used_bytes")) == 2
    assert replayed == recorded
    assert complaints == ""


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_every_capture_of_the_corpus_plays(served: Callable, capture: Path) -> None:
    text, complaints = served(capture=capture)
    assert complaints == ""
    assert set(values(text, "neurox_gpu_up")) == {1.0}
    assert values(text, "neurox_agent_collection_errors_total") == []
    parts = ("used", "free", "reserved")
    used, free, reserved = (values(text, f"neurox_gpu_memory_{part}_bytes") for part in parts)
    total = values(text, "neurox_gpu_memory_total_bytes")
    assert [sum(three) for three in zip(used, free, reserved, strict=True)] == total
    assert all(0 <= ratio <= 1 for ratio in values(text, "neurox_gpu_utilization_ratio"))
    assert all(watts > 10 for watts in values(text, "neurox_gpu_power_watts"))
    uuids = set(_ANY_UUID.findall(text))
    assert uuids
    assert all(uuid.startswith("00000000-0000-0000-0000-") for uuid in uuids)


def test_the_corpus_has_a_capture() -> None:
    assert CAPTURES


def test_what_was_never_asked_is_not_supported_or_not_found(
    served: Callable, scenario_text: str, tmp_path: Path
) -> None:
    capture = tmp_path / "capture"
    served(scenario=scenario_text, record=capture)
    asked = capture.read_text()
    number = re.search(r"call (\d+) nvmlDeviceGetUtilizationRates", asked)
    assert number is not None
    forgotten = "\n".join(
        line for line in asked.splitlines() if not line.startswith(f"got {number[1]} ")
    )
    capture.write_text(forgotten + "\n")
    text, _ = served(capture=capture)
    assert len(values(text, "neurox_gpu_utilization_ratio")) == 1
    assert values(text, "neurox_gpu_up") == [1.0, 1.0]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("what 1 is this", "line 2: expected about, call or got"),
        ("call 2 nvmlShutdown", "line 2: expected the next number"),
        ("call 1 nvmlDeviceGetName [?8", "line 2: expected up to six arguments"),
        ("got 1 0 0 0", "line 2: expected the number of a call"),
        ("call 1 nvmlSystemGetNVMLVersion [?4.]\ngot 1 0 0 0 [z8.]", "line 3: expected memory of"),
        ("call 1 nvmlShutdown\ngot 1 0 0 same", "line 3: expected an answer before"),
    ],
)
def test_a_capture_with_an_error_is_named_by_file_and_line(
    served: Callable, tmp_path: Path, line: str, wanted: str
) -> None:
    capture = tmp_path / "capture"
    capture.write_text(f"neurox-nvml-capture 1\n{line}\n")
    text, complaints = served(capture=capture)
    assert f"{capture} {wanted}" in complaints
    assert values(text, "neurox_agent_driver_up") == [0.0]


def test_a_capture_that_was_cut_off_plays_up_to_there(
    served: Callable, scenario_text: str, tmp_path: Path
) -> None:
    capture = tmp_path / "capture"
    served(scenario=scenario_text, record=capture)
    capture.write_bytes(capture.read_bytes()[:-7])
    replayed, complaints = served(capture=capture)
    assert (values(replayed, "neurox_gpu_up"), complaints) == ([1.0, 1.0], "")


def test_every_function_that_pynvml_knows_is_there(replay_library: Path) -> None:
    library = pynvml.CDLL(str(replay_library / "libnvidia-ml.so.1"))
    assert len(functions()) > 300
    assert [name for name in functions() if not hasattr(library, name)] == []
