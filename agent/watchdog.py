"""Driver calls in a thread that can be left behind: one that hangs holds up nobody else."""

import threading
import time
from collections.abc import Callable, Hashable
from queue import SimpleQueue
from typing import Any, TypeVar

_T = TypeVar("_T")

HUNG_SECONDS = 5.0
"""A call that takes longer than this is taken to hang."""


class Late(Exception):
    """The work has not come back yet; ``seconds`` since it began, in thread ``thread``."""

    def __init__(self, seconds: float, thread: int) -> None:
        super().__init__(f"has not come back for {seconds:.1f} s")
        self.seconds = seconds
        self.thread = thread


class _Work:
    def __init__(self, do: Callable[[], Any], worker: "_Worker") -> None:
        self.do = do
        self.worker = worker
        self.began = time.monotonic()
        self.done = threading.Event()
        self.result: Any = None
        self.error: Exception | None = None

    def late(self) -> Late:
        return Late(time.monotonic() - self.began, self.worker.ident)


class _Worker:
    """A thread that does one thing after another until it is sent home."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        # A daemon, since a driver call that never returns must not keep the agent alive.
        thread = threading.Thread(target=self._run, name="driver", daemon=True)
        thread.start()
        self.ident = thread.ident or 0

    def give(self, work: _Work | None) -> None:
        self._queue.put(work)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work.result = work.do()
            except Exception as error:  # noqa: BLE001 - raised again where the work was asked for
                work.error = error
            work.done.set()


class Watchdog:
    """Does one piece of work at a time for each key; for one thread that asks."""

    def __init__(self) -> None:
        self._worker: _Worker | None = None
        self._late: dict[Hashable, _Work] = {}

    def ask(self, key: Hashable, do: Callable[[], _T], patience: float) -> _T:
        """What ``do`` returns or raises; Late when it takes longer than ``patience`` seconds.

        While it is late the same key raises Late at once, and then gives what came of it.
        """
        work = self._late.get(key)
        if work is None:
            self._worker = self._worker or _Worker()
            work = _Work(do, self._worker)
            self._worker.give(work)
            if not work.done.wait(patience):
                self._late[key] = work
                self._worker.give(None)  # should it ever come back
                self._worker = None
                raise work.late()
        elif not work.done.is_set():
            raise work.late()
        self._late.pop(key, None)
        if work.error:
            raise work.error
        return work.result  # type: ignore[no-any-return]

    def stuck(self) -> int:
        """How many hang now; for any thread."""
        now = time.monotonic()
        works = list(self._late.values())
        return sum(not w.done.is_set() and now - w.began >= HUNG_SECONDS for w in works)

    def waits(self, key: Hashable) -> bool:
        """Whether something of this key was late and has not been asked for since."""
        return key in self._late

    def forget(self) -> None:
        """Drop what came back too late for anybody to ask for it."""
        self._late = {key: work for key, work in self._late.items() if not work.done.is_set()}

    def close(self) -> None:
        """Send the worker home."""
        if self._worker:
            self._worker.give(None)
        self._worker = None
