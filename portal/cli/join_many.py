"""Many clusters at once: a record and a join Secret each, as far as it goes."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from portal.cli.failure import DENIED, INTERRUPTED, PARTIAL, CommandFailed
from portal.cli.join_file import Entry
from portal.cli.join_folder import JoinFolder
from portal.cli.join_record import change, known, record

if TYPE_CHECKING:
    from portal.client import Client
    from portal.schemas import JoinOut


@dataclass(frozen=True)
class Result:
    """What became of one entry; ``code`` is the exit status of one that failed.

    ``final``: of all that follow the same would be said.
    """

    entry: Entry
    outcome: str
    join: "JoinOut | None" = None
    file: Path | None = None
    code: int = 0
    final: bool = False

    def words(self) -> str:
        """For people; it holds no secret."""
        name = f"{self.entry.where} ({self.entry.name})" if self.code else self.entry.name
        where = f", {self.file}" if self.file else ""
        until = f", good until {self.join.expires_at:%Y-%m-%d %H:%M} UTC" if self.join else ""
        return f"{name}: {self.outcome}{where}{until}"

    def plain(self) -> dict[str, object]:
        """For programs; the Secret is in it only when no file has it."""
        found: dict[str, object] = {"name": self.entry.name, "outcome": self.outcome}
        found["failed"] = self.code != 0
        if self.file:
            found["file"] = str(self.file)
        elif self.join:
            found["join"] = self.join.model_dump(mode="json", by_alias=True)
        return found


class Stop:
    """Ctrl-C lets the entry that is being made be finished; a second one breaks it off."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        """The handler of the signal."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@dataclass(frozen=True)
class Batch:
    """What is to be done with every entry."""

    client: "Client"
    folder: JoinFolder | None
    dry_run: bool
    as_json: bool

    def run(self, entries: list[Entry]) -> None:
        """One after another, each told as it is done; CommandFailed when some failed."""
        from portal.cli import output

        results: list[Result] = []
        with _stoppable() as stop:
            for entry in entries:
                results.append(self._result(entry))
                self._tell(results[-1])
                if stop.asked or results[-1].final:
                    break
        if self.as_json:
            items = [result.plain() for result in results]
            sys.stdout.write(output.document({"items": items}, "json"))
        left = len(entries) - len(results)
        if left:
            output.note(f"{left} of {len(entries)} were not begun; run the same command again.")
        if self.dry_run:
            output.note("Nothing was done.")
        _end(results, stop.asked and left > 0)

    def _result(self, entry: Entry) -> Result:
        from portal.cli.refusal import told
        from portal.client import Unavailable

        try:
            with told():
                return self._one(entry)
        except CommandFailed as failure:
            final = failure.exit_code == DENIED or isinstance(failure.__context__, Unavailable)
            return Result(entry, str(failure), code=failure.exit_code, final=final)

    def _one(self, entry: Entry) -> Result:
        found = known(self.client, entry.name)
        if found is None:
            made = record(self.client, entry, None, self.dry_run)
            return self._made(entry, "would be made" if self.dry_run else "made", made)
        news = change(self.client, entry, found, self.dry_run)
        if found.state == "connected":
            return Result(entry, f"is connected; {news or 'left as it is'}")
        if self.folder and self._waits(entry, self.folder):
            words = "has a Secret that waits to be used" + (f"; {news}" if news else "")
            return Result(entry, words, file=self.folder.file(entry.name))
        if found.state in ("lost", "revoked") and not entry.rebuilt:
            again = f"`neurox cluster join {entry.name}` gives it a new token"
            return Result(entry, f"is {found.state}; {news or 'left as it is'}; {again}")
        made = record(self.client, entry, found, self.dry_run)
        verb = "would get" if self.dry_run else "got"
        words = f"{verb} a new token for the record" + (f"; {news}" if news else "")
        return self._made(entry, words, made)

    def _made(self, entry: Entry, outcome: str, made: "JoinOut") -> Result:
        if self.dry_run:
            return Result(entry, outcome)
        file = self.folder.write(entry.name, made.secret) if self.folder else None
        return Result(entry, outcome, made, file)

    def _waits(self, entry: Entry, folder: JoinFolder) -> bool:
        """Whether the token in the folder still is the one by which the cluster may join."""
        from portal.client import ApiError

        token_id = folder.token_id(entry.name)
        try:
            waiting = self.client.clusters.waiting_join(entry.name) if token_id else None
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        if waiting is None:
            return False
        return (waiting.id, waiting.rebuilt) == (token_id, entry.rebuilt)

    def _tell(self, result: Result) -> None:
        from portal.cli import output

        if result.join and not result.file and not self.as_json:
            sys.stdout.write(f"---\n{result.join.secret}")
            sys.stdout.flush()
        output.note(result.words())


@contextmanager
def _stoppable() -> Iterator[Stop]:
    """While it lasts, Ctrl-C only asks."""
    stop = Stop()
    former = signal.signal(signal.SIGINT, stop.ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, former)


def _end(results: list[Result], stopped: bool) -> None:
    codes = [result.code for result in results if result.code]
    if stopped:
        raise CommandFailed(f"broken off after {len(results)}", INTERRUPTED)
    if codes:
        code = PARTIAL if len(codes) < len(results) else codes[0]
        raise CommandFailed(f"{len(codes)} of {len(results)} failed", code)
