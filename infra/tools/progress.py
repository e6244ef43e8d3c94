"""How a person follows a build: one live line on a terminal, plain lines elsewhere."""

import sys
import time
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

_LINE_EVERY_SECONDS = 15.0


def clock(seconds: float) -> str:
    """Seconds as m:ss."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


@dataclass(frozen=True)
class Step:
    """One tool of several: ``number`` counts from 1 to ``total``; times are monotonic seconds."""

    number: int
    total: int
    name: str
    version: str
    verb: str
    since: float = field(default_factory=time.monotonic)

    def title(self) -> str:
        """Which, and how many there are."""
        return f"[{self.number}/{self.total}] {self.verb} {self.name} {self.version}"

    def elapsed(self) -> str:
        """Time since this step began."""
        return clock(time.monotonic() - self.since)

    def left(self) -> str:
        """How many come after this one."""
        after = self.total - self.number
        return f"{after} left" if after else "the last one"


class Progress(Protocol):
    """Told what happens; must return at once."""

    def begin(self, step: Step) -> None:
        """A step starts."""

    def tick(self, step: Step, detail: str) -> None:
        """It goes on; ``detail`` is the builder's last line. Called several times a second."""

    def end(self, step: Step) -> None:
        """It is done."""

    def note(self, text: str) -> None:
        """Something worth a line of its own."""

    def close(self) -> None:
        """Nothing more will come, perhaps because of an error."""


class Lines:
    """For logs and pipes: a line when a step starts, every 15 seconds, and when it ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._said = 0.0

    def begin(self, step: Step) -> None:
        """Say what starts."""
        self._said = time.monotonic()
        self.note(f"{step.title()}; {step.left()}")

    def tick(self, step: Step, detail: str) -> None:
        """Say that it lives, at most every 15 seconds."""
        if time.monotonic() - self._said >= _LINE_EVERY_SECONDS:
            self._said = time.monotonic()
            self.note(f"{step.title()}: {step.elapsed()} {detail}".rstrip())

    def end(self, step: Step) -> None:
        """Say how long it took."""
        self.note(f"{step.title()}: done in {step.elapsed()}")

    def note(self, text: str) -> None:
        """Write one line."""
        self._stream.write(text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing to put away."""


class LiveLine:
    """For terminals: one line that moves, and one that stays for each finished step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._since = time.monotonic()

    def begin(self, step: Step) -> None:
        """Show the moving line."""
        self._live = Live(console=self._console, refresh_per_second=8, transient=True)
        self._live.start()
        self.tick(step, "")

    def tick(self, step: Step, detail: str) -> None:
        """Renew the moving line."""
        if self._live is None:
            return
        total = clock(time.monotonic() - self._since)
        line = Text.assemble(
            (step.title(), "bold"), f"  {step.elapsed()}  {step.left()}, {total} in all  "
        )
        line.append(detail, style="dim")
        line.truncate(max(20, self._console.width - 4), overflow="ellipsis")
        self._live.update(Spinner("dots", text=line))

    def end(self, step: Step) -> None:
        """Leave one line behind."""
        self.close()
        line = Text.assemble(("✓ ", "green"), f"{step.name} {step.version}", f"  {step.elapsed()}")
        self._console.print(line)

    def note(self, text: str) -> None:
        """Print a line above the moving one."""
        self._console.print(Text(text))

    def close(self) -> None:
        """Take the moving line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def progress_on(stream: TextIO | None = None) -> Progress:
    """The right kind of progress for ``stream`` (standard error when None)."""
    target = stream if stream is not None else sys.stderr
    return LiveLine(Console(file=target)) if target.isatty() else Lines(target)
