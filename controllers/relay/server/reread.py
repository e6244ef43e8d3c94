"""What the relay-server tells clusters out of files that may change while it runs."""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
T = TypeVar("T")


class Reread(Generic[T]):
    """A value that ``read`` gives; one of ``failures`` at a later read leaves it as it was."""

    def __init__(
        self, what: str, read: Callable[[], T], failures: tuple[type[Exception], ...]
    ) -> None:
        """``what`` it is, for the log. The first read may fail, with one of ``failures``."""
        self._what, self._read, self._failures = what, read, failures
        self._complained = ""
        self.value = read()

    def changed(self) -> bool:
        """Look again."""
        before = self.value
        try:
            self.value = self._read()
        except self._failures as failure:
            if str(failure) != self._complained:
                log.error("%s stay as they are: %s", self._what, failure)
            self._complained = str(failure)
        return self.value != before


async def watch(changed: Callable[[], bool], news: str, tell: Callable[[], None]) -> None:
    """Tell of what has changed, for ever; ``news`` is that for the log."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if changed():
            log.info("%s; telling every cluster", news)
            tell()
