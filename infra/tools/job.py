"""A long command, its log, and a clean end when the person presses Ctrl-C."""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICK_SECONDS = 0.25
_GRACE_SECONDS = 10.0
_TAIL_BYTES = 16_384
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class Job:
    """A command whose output goes to ``log``, which is written afresh."""

    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str]
    cwd: Path | None = None

    def run(self, tick: Callable[[str], None]) -> int:
        """Run it to its end and return its exit status; ``tick`` gets the last line of its log.

        Whatever breaks the wait also ends the command and everything that it started.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as output:
            child = subprocess.Popen(
                self.argv,
                cwd=self.cwd,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - two system calls, safe among threads
            )
            try:
                return self._wait(child, tick)
            finally:
                _end(child)

    def _wait(self, child: "subprocess.Popen[bytes]", tick: Callable[[str], None]) -> int:
        while True:
            try:
                return child.wait(_TICK_SECONDS)
            except subprocess.TimeoutExpired:
                tick("".join(self.tail(1)))

    def tail(self, lines: int) -> list[str]:
        """The last lines of the log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
                return file.read().decode(errors="replace").splitlines()[-lines:]
        except FileNotFoundError:
            return []

    def shown(self) -> str:
        """The command as a person would type it."""
        words = " ".join(f"'{word}'" if " " in word else word for word in self.argv)
        return f"cd {self.cwd} && {words}" if self.cwd else words


def _end_with_parent() -> None:
    # Killed outright, we leave nobody to end the command; the kernel tells it in our place. Started
    # in the background of a shell we ignore Ctrl-C; the command must not inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is not None:
        return
    # Go removes its scratch folder on SIGINT, not on SIGKILL.
    os.killpg(child.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE_SECONDS)
    # The leader may be gone before those it started.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
