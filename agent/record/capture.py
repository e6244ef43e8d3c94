"""The capture file: each question once, each answer as it came. See docs/reference/capture.md."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

VERSION = 1
BYTES_MOST = 64 * 1024 * 1024


class Capture:
    """Writes line by line, so that whatever ends the recording leaves a capture that plays.

    One thread at a time. ``over`` is set when no more can be written, and ``problem`` says why;
    what is there plays.
    """

    def __init__(self, file: TextIO, about: Mapping[str, str]) -> None:
        self.calls = 0
        self.bytes = 0
        self.over = threading.Event()
        self.problem = ""
        self._file = file
        self._questions: dict[str, int] = {}
        self._last: dict[int, str] = {}
        self._write(f"neurox-nvml-capture {VERSION}")
        for key, value in about.items():
            self._write(f"about {key} {value}")

    @classmethod
    def create(cls, path: Path, about: Mapping[str, str]) -> "Capture":
        """A new file; FileExistsError rather than writing over another capture."""
        return cls(path.open("x", encoding="ascii", buffering=1), about)

    def add(self, question: str, answer: str, at: float, took: float) -> None:
        """One call; ``at`` and ``took`` are seconds."""
        if self._file.closed or self.over.is_set():
            return
        try:
            self._add(question, answer, f"{at:.3f} {took * 1e6:.0f}")
        except OSError as error:
            self.problem = str(error.strerror)
        if self.bytes > BYTES_MOST:
            self.problem = f"the capture has reached its limit of {BYTES_MOST >> 20} MiB"
        if self.problem:
            self.over.set()

    def _add(self, question: str, answer: str, when: str) -> None:
        number = self._questions.get(question)
        if number is None:
            number = self._questions[question] = len(self._questions) + 1
            self._write(f"call {number} {question}")
        told = "same" if self._last.get(number) == answer else answer
        self._last[number] = answer
        self._write(f"got {number} {when} {told}")
        self.calls += 1

    def close(self) -> None:
        """What comes later, from a call that hangs, is dropped."""
        with suppress(OSError):  # a full disk takes no rest either, and has been told
            self._file.close()

    def _write(self, line: str) -> None:
        self._file.write(line + "\n")
        self.bytes += len(line) + 1
