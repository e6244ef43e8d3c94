"""Stands between pynvml and the driver's library, and writes down every call."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pynvml

from agent.record.capture import Capture
from agent.record.layout import Layout
from agent.record.memory import Cleaner
from agent.record.text import hexadecimal


class Recorder:
    """Calls of several threads may overlap; each is written when it has answered."""

    def __init__(self, capture: Capture, cleaner: Cleaner) -> None:
        self._capture = capture
        self._layout = Layout(cleaner)
        self._lock = threading.Lock()
        self._began = time.monotonic()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Everything that pynvml calls within the block. One recorder at a time."""
        look_up = pynvml._nvmlGetFunctionPointer
        recorded: dict[str, _Recorded] = {}

        def instead(name: str) -> _Recorded:
            if name not in recorded:
                recorded[name] = _Recorded(name, look_up(name), self)
            return recorded[name]

        pynvml._nvmlGetFunctionPointer = instead
        try:
            yield
        finally:
            pynvml._nvmlGetFunctionPointer = look_up
            with self._lock:
                self._capture.close()

    def asked(self, name: str, arguments: tuple[Any, ...]) -> str:
        """The question, as it is before the driver writes into the memory."""
        with self._lock:
            return f"{name} {self._layout.question(name, arguments)}".rstrip()

    def answered(self, question: str, arguments: tuple[Any, ...], result: Any, took: float) -> None:
        """What came of it."""
        name = question.partition(" ")[0]
        with self._lock:
            if isinstance(result, bytes):  # a text, which pynvml asked for
                answer = f"0 [{hexadecimal(result + bytes(1))}]"
            else:
                memory = self._layout.answer(name, arguments, good=not result)
                answer = f"{result} {memory}".rstrip()
            self._capture.add(question, answer, time.monotonic() - self._began, took)


class _Recorded:
    """A function of the library; pynvml sets ``restype`` where it answers a text."""

    def __init__(self, name: str, function: Any, recorder: Recorder) -> None:
        self._name = name
        self._function = function
        self._recorder = recorder

    @property
    def restype(self) -> Any:
        """As ctypes has it."""
        return self._function.restype

    @restype.setter
    def restype(self, kind: Any) -> None:
        self._function.restype = kind

    def __call__(self, *arguments: Any) -> Any:
        question = self._recorder.asked(self._name, arguments)
        began = time.perf_counter()
        result = self._function(*arguments)
        self._recorder.answered(question, arguments, result, time.perf_counter() - began)
        return result
