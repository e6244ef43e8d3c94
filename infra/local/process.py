"""What the supervisor runs: one frozen record a process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A program, what it needs, and how to tell that it is ready.

    ``name`` is unique ("sandbox-1/etcd"); its log is ``logs/<name>.log``. ``ready`` is called
    again and again, off the event loop, until it returns True; OSError counts as not yet.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    port: int | None = None
    """Not started while somebody else listens there, who would answer ``ready`` in its place."""
    ready: Callable[[], bool] | None = None
    needs: tuple[str, ...] = ()
    prepare: Callable[[], None] | None = None
    """Run once, off the event loop, when all needs are ready and before each start."""
    stop_seconds: float = 5.0
    """How long after SIGTERM it gets before SIGKILL."""
