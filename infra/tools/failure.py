"""The one shape of every failed build or download."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from infra.tools import advice
from infra.tools.cache import Cache
from infra.tools.errors import ToolError
from infra.tools.job import Job

_LINES = 15


def failed(what: str, job: Job, status: int, cache: Cache) -> ToolError:
    """Name, command, the log's last lines, and what to do."""
    tail = job.tail(_LINES)
    hint = advice.for_log("\n".join(job.tail(200)), str(cache.root), cache.free_bytes())
    return ToolError(
        "\n".join(
            [
                f"{what} failed (exit status {status}).",
                f"  command: {job.shown()}",
                f"  log:     {job.log}",
                *(f"    {line}" for line in tail),
                hint,
            ]
        )
    )


@contextmanager
def room_on_disk(cache: Cache) -> Iterator[None]:
    """Turn a full, forbidden or read-only disk, met by our own writing, into a ToolError."""
    try:
        yield
    except OSError as refused:
        if refused.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ToolError(advice.full_disk(str(cache.root), cache.free_bytes())) from refused
        raise ToolError(
            f"{refused.filename or cache.root}: {refused.strerror}. The tools are kept in "
            f"{cache.root}; set NEUROX_CACHE to a folder of your own if that cannot be written."
        ) from refused
