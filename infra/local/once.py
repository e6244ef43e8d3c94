"""Work that several processes wait for and that is done once."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Once(Generic[Result]):
    """Call it from any thread: the first does the work, the rest get its result.

    A failure is raised to its caller and the next call tries again.
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._results: list[Result] = []

    def __call__(self) -> Result:
        """The result, made now if nobody has yet."""
        with self._lock:
            if not self._results:
                self._results.append(self._work())
            return self._results[0]

    @property
    def result(self) -> Result | None:
        """What was made, None as long as nothing was."""
        return self._results[0] if self._results else None
