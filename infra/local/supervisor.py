"""All processes of `neurox up`: started by their needs, kept, and stopped in reverse order."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.local import record
from infra.local.errors import TIMEOUT, LocalError
from infra.local.keeper import Keeper, Surroundings, shorten
from infra.local.process import Process

HOPELESS_FAILURES = 5
"""Failed starts in a row after which a first start is given up."""
LOOK_SECONDS = 0.2
CAP_SECONDS = 30.0
RECORD_SECONDS = 0.05


class Supervisor:
    """Runs inside one event loop, on the main thread."""

    def __init__(
        self,
        processes: Sequence[Process],
        state: Path,
        report: Callable[[str], None],
        hurry: asyncio.Event,
    ) -> None:
        """``hurry``: once it is set, a stop under way kills at once."""
        _refuse_unknown_needs(processes)
        around = Surroundings(state, dict(os.environ), report, self._changed)
        self._hurry = hurry
        self.url: str | None = None
        self.phase = "starting"
        self.keepers = {process.name: Keeper(process, around) for process in processes}
        self._state = state
        self._report = report
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._chores: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()

    def start(self) -> None:
        """Set every process going; each waits for its needs by itself."""
        for name, keeper in self.keepers.items():
            needs = [self.keepers[need] for need in keeper.process.needs]
            self._tasks[name] = asyncio.create_task(keeper.keep(needs), name=name)
        self._chores = [
            asyncio.create_task(self._cap_logs()),
            asyncio.create_task(self._write_records()),
        ]

    async def ready(self, names: Sequence[str], seconds: float) -> None:
        """Wait until all are ready; LocalError when one keeps failing or time is up."""
        waits = {asyncio.create_task(self.keepers[name].ready.wait()) for name in names}
        deadline = time.monotonic() + seconds
        try:
            while waits:
                _, waits = await asyncio.wait(waits, timeout=LOOK_SECONDS)
                self._refuse_hopeless(names)
                if waits and time.monotonic() > deadline:
                    raise LocalError(self._late(names, seconds), TIMEOUT)
        finally:
            for wait in waits:
                wait.cancel()

    def now_ready(self, url: str) -> None:
        """The whole fleet stands."""
        self.url, self.phase = url, "ready"
        self._changed()

    async def stop(self) -> None:
        """Stop all, each after everything that needs it; nothing is left."""
        self.phase = "stopping"
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        stopped = {name: asyncio.Event() for name in self.keepers}
        await asyncio.gather(*(self._stop_one(name, stopped) for name in self.keepers))
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        record.path(self._state).unlink(missing_ok=True)

    async def _stop_one(self, name: str, stopped: Mapping[str, asyncio.Event]) -> None:
        for other, keeper in self.keepers.items():
            if name in keeper.process.needs:
                await stopped[other].wait()
        await self.keepers[name].stop(self._hurry)
        stopped[name].set()

    def _refuse_hopeless(self, names: Sequence[str]) -> None:
        for name in names:
            keeper = self.keepers[name]
            if keeper.failures >= HOPELESS_FAILURES:
                words = "".join(f"\n    {shorten(line)}" for line in keeper.last_words)
                raise LocalError(f"{keeper.trouble}, {keeper.failures} times in a row.{words}")

    def _late(self, names: Sequence[str], seconds: float) -> str:
        late = [name for name in names if not self.keepers[name].ready.is_set()]
        first = self.keepers[late[0]]
        lines = "".join(f"\n    {shorten(line)}" for line in first.log.last(8))
        return (
            f"not ready after {seconds:g} s: {', '.join(late)}. "
            f"The log of {late[0]} ({first.log.path}) ends:{lines or ' (it is empty)'}"
        )

    async def _cap_logs(self) -> None:
        while True:
            await asyncio.sleep(CAP_SECONDS)
            for keeper in self.keepers.values():
                try:
                    keeper.log.cap()
                except OSError as error:
                    self._report(f"{keeper.log.path} could not be shortened: {error.strerror}")

    def _changed(self) -> None:
        self._news.set()

    async def _write_records(self) -> None:
        told = False
        while True:
            await self._news.wait()
            await asyncio.sleep(RECORD_SECONDS)  # one write for a burst of changes
            self._news.clear()
            try:
                record.write(self._state, self._record())
                told = False
            except OSError as error:
                if not told:
                    self._report(f"{record.path(self._state)} was not written: {error.strerror}")
                told = True

    def _record(self) -> record.Record:
        rows = tuple(
            record.ProcessRecord(
                name=name,
                pid=keeper.pid,
                ticks=record.started_ticks(keeper.pid),
                state=keeper.state,
                since=keeper.since,
                restarts=keeper.restarts,
                started_at=keeper.started_at,
                ready_at=keeper.ready_at,
            )
            for name, keeper in self.keepers.items()
        )
        own = os.getpid()
        return record.Record(own, record.started_ticks(own), self.url, self.phase, rows)


def _refuse_unknown_needs(processes: Sequence[Process]) -> None:
    names = [process.name for process in processes]
    if len(set(names)) != len(names):
        raise ValueError(f"two processes of one name among {sorted(names)}")
    for process in processes:
        for need in process.needs:
            if need not in names:
                raise ValueError(f"{process.name} needs {need}, which is not among {sorted(names)}")
