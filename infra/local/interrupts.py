"""Ctrl-C, SIGTERM and SIGHUP: the first asks to stop, the second to hurry."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from infra.local.errors import INTERRUPTED, LocalError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Result = TypeVar("Result")


class Interrupts:
    """Turns signals into two events of the running loop."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        loop = asyncio.get_running_loop()
        for one in SIGNALS:
            if signal.getsignal(one) is signal.SIG_IGN:
                continue  # nohup wants it so
            loop.add_signal_handler(one, self._signalled)

    async def unless_stopped(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Await the work; LocalError as soon as a stop is asked for."""
        task = asyncio.create_task(work)
        asked = asyncio.create_task(self.stop.wait())
        await asyncio.wait([task, asked], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise LocalError("interrupted", INTERRUPTED)
        return task.result()

    def _signalled(self) -> None:
        if self.stop.is_set():
            self.hurry.set()
        self.stop.set()
