"""One process kept alive: started when its needs are ready, restarted when it dies, stopped."""

import asyncio
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local import child
from infra.local.background import off_loop
from infra.local.log_file import LogFile
from infra.local.ports import refuse_taken
from infra.local.process import Process

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
STEADY_SECONDS = 30.0
"""Having run this long, a process earns the shortest back-off again."""
CHECK_SECONDS = 0.1
REPORTED_LINES = 8
REPORTED_WIDTH = 200


@dataclass(frozen=True)
class Surroundings:
    """What all keepers share: where logs go, the base environment, whom to tell."""

    state: Path
    env: dict[str, str]
    report: Callable[[str], None]
    """Given one event in words, for people."""
    changed: Callable[[], None]
    """Called after each change of state, for the record."""


class Keeper:
    """The life of one process."""

    def __init__(self, process: Process, around: Surroundings) -> None:
        self.process = process
        self.log = LogFile(around.state / "logs", process.name)
        self.state = "waiting"
        self.since = time.time()
        self.started_at: float | None = None
        self.ready_at: float | None = None
        self.restarts = 0
        self.failures = 0
        """Deaths and failed starts since it was last ready."""
        self.trouble = ""
        """The last of these in words, and what the log ended with."""
        self.last_words: list[str] = []
        self.ready = asyncio.Event()
        self._around = around
        self._told: list[str] = []
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the running child."""
        return self._child.pid if self._child and self._child.returncode is None else None

    async def keep(self, needs: Sequence["Keeper"]) -> None:
        """Start it and start it again, until cancelled; cancelling does not stop the child."""
        delay = FIRST_DELAY_SECONDS
        while True:
            self._enter("waiting")
            for need in needs:
                await need.ready.wait()
            try:
                lived = await self._live()
            except Exception as error:  # noqa: BLE001 - the loop: told, and tried again
                lived = 0.0
                self.trouble = f"{self.process.name} could not be started: {error}"
                self.last_words = []
            if lived >= STEADY_SECONDS:
                delay = FIRST_DELAY_SECONDS
            self.failures += 1
            self.restarts += 1
            self._enter("restarting")
            self._around.report(self._news(delay))
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    async def stop(self, hurry: asyncio.Event) -> None:
        """SIGTERM, then SIGKILL after its ``stop_seconds`` or at once when ``hurry`` is set."""
        running = self._child
        if running is not None:
            if running.poll() is None:
                self._enter("stopping")
                running.terminate()
                waits = [
                    asyncio.create_task(off_loop(running.wait)),
                    asyncio.create_task(hurry.wait()),
                ]
                await asyncio.wait(
                    waits,
                    timeout=self.process.stop_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for wait in waits:
                    wait.cancel()
            child.kill_group(running.pid)
            running.wait()
        self.ready.clear()
        self._enter("stopped")

    async def _live(self) -> float:
        """Run it once; the seconds for which it was ready."""
        process = self.process
        if process.prepare is not None:
            self._enter("preparing")
            await off_loop(process.prepare)
        if (port := process.port) is not None:
            await off_loop(lambda: refuse_taken(port))
        env = child.environment(process.env, self._around.state, self._around.env)
        with self.log.open() as log:
            began = log.tell()
            self._child = child.start(process.argv, env, process.cwd, log)
        running = self._child
        self.started_at, self.ready_at = time.time(), None
        self._enter("starting")
        checking = asyncio.create_task(self._check())
        try:
            status = await off_loop(running.wait)
        finally:
            checking.cancel()
        child.kill_group(running.pid)  # what the dead master left holds its port
        lived = time.time() - self.ready_at if self.ready_at else 0.0
        self.ready.clear()
        self.trouble = f"{process.name} ended with {child.how_it_ended(status)}"
        self.last_words = self.log.last(REPORTED_LINES, began)
        return lived

    async def _check(self) -> None:
        check = self.process.ready
        while check is not None:
            try:
                if await off_loop(check):
                    break
            except OSError:
                pass
            await asyncio.sleep(CHECK_SECONDS)
        self.failures = 0
        self._enter("running")
        self.ready_at = self.since
        self.ready.set()

    def _news(self, delay: float) -> str:
        what = f"{self.trouble}; next try in {delay:g} s"
        words = [] if self.last_words == self._told else self.last_words
        self._told = self.last_words  # a second time the same is only noise
        return what + "".join(f"\n    {shorten(line)}" for line in words)

    def _enter(self, state: str) -> None:
        self.state = state
        self.since = time.time()
        self._around.changed()


def shorten(line: str) -> str:
    """What of a log's line is shown; servers in Go write a kilobyte in one."""
    return line if len(line) <= REPORTED_WIDTH else f"{line[:REPORTED_WIDTH]}..."
