"""run/supervisor.json: what runs now, for `status`, `logs` and `down`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.local import document


@dataclass(frozen=True)
class ProcessRecord:
    """One process; times are epoch seconds."""

    name: str
    pid: int | None
    ticks: int | None
    """Kernel start time of that pid in ticks since boot: tells it from a later one."""
    state: str
    since: float
    """Of its present state."""
    restarts: int
    started_at: float | None
    """Its last start, and when it was ready after that."""
    ready_at: float | None


@dataclass(frozen=True)
class Record:
    """The supervisor and its processes."""

    pid: int
    ticks: int | None
    url: str | None
    phase: str
    """starting, ready or stopping."""
    processes: tuple[ProcessRecord, ...]


def path(folder: Path) -> Path:
    """Where it lies in a state folder."""
    return folder / "run" / "supervisor.json"


def write(folder: Path, record: Record) -> None:
    """Replace it; not forced to disk, for a reboot ends all that it tells of."""
    document.write(path(folder), asdict(record), durable=False)


def read(folder: Path) -> Record | None:
    """The last one written, None when there is none or it is broken."""
    try:
        found: dict[str, Any] = document.read(path(folder))
        rows = tuple(ProcessRecord(**row) for row in found.pop("processes"))
        return Record(**found, processes=rows)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def started_ticks(pid: int | None) -> int | None:
    """When the process was started, None when there is no such process or it is a zombie."""
    if pid is None:
        return None
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])
