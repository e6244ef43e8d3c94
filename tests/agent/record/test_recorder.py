"""Between pynvml and a library, in this process."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import pynvml
import pytest

from agent.record import capture as captures
from agent.record.capture import Capture
from agent.record.recorder import Recorder
from agent.record.scrub import Scrubber


def recorded(file: Path, call: Callable[[], object]) -> Capture:
    capture = Capture.create(file, {})
    with Recorder(capture, Scrubber(host="")).recording():
        call()
    return capture


def test_a_text_that_a_function_answers_is_recorded_and_played(
    scenario: Callable[[str], None],
    replay_library: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = []
    recorded(tmp_path / "capture", lambda: told.append(pynvml.nvmlErrorString(15)))
    assert told == ["GPU is lost"]
    monkeypatch.setenv("NEUROX_NVML_CAPTURE", str(tmp_path / "capture"))
    library = ctypes.CDLL(str(replay_library / "libnvidia-ml.so.1"))
    library.nvmlErrorString.restype = ctypes.c_char_p
    assert library.nvmlErrorString(15) == b"GPU is lost"
    assert library.nvmlErrorString(16) == b"Unknown Error"


def test_calls_after_the_recording_are_not_recorded(
    scenario: Callable[[str], None], tmp_path: Path
) -> None:
    before = pynvml._nvmlGetFunctionPointer
    recorded(tmp_path / "capture", lambda: None)
    pynvml.nvmlErrorString(15)
    assert pynvml._nvmlGetFunctionPointer is before
    assert (tmp_path / "capture").read_text() == "neurox-nvml-capture 1\n"


def test_a_full_capture_ends_and_says_so(
    scenario: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captures, "BYTES_MOST", 10_000)

    def call() -> None:
        for code in range(1000):
            pynvml.nvmlErrorString(code)

    capture = recorded(tmp_path / "capture", call)
    assert capture.over.is_set()
    assert "reached its limit" in capture.problem
    size = (tmp_path / "capture").stat().st_size
    assert 10_000 < size < 10_200
    assert (tmp_path / "capture").read_text().endswith("\n")
