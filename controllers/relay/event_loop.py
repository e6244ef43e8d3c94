"""Runs a relay process: its event loop, its logs, and the signals that end it."""

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import sys
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import uvloop

log = logging.getLogger(__name__)
LOOPS = ("uvloop", "asyncio")
CANCEL_AGAIN_SECONDS = 1.0
Main = Callable[[asyncio.Event], Coroutine[None, None, None]]


def run(main: Main, loop: str) -> None:
    """Run ``main`` until it returns; SIGTERM and SIGINT set the event it is given."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a socket each; 1,024 is the usual
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    gc.freeze()  # what is imported never goes; to look at it again and again holds up the loop
    factory = uvloop.new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_until_signal(main))


async def _until_signal(main: Main) -> None:
    stop = asyncio.Event()
    log.info("the event loop is %s", type(asyncio.get_running_loop()).__module__.split(".")[0])
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await main(stop)


async def passed(seconds: float, stop: asyncio.Event) -> bool:
    """Wait; False at once when ``stop`` is set first."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return not stop.is_set()


def heeded(answer: Any) -> Any:
    """The answer of the Redis client, unless we were cancelled while it came.

    It loses that, as ``ended`` says; who goes on then makes a link of a connection that is gone.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    return answer


async def ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel until all of them are gone; what they raise is dropped.

    Once is not enough: up to Python 3.11 ``asyncio.wait_for``, by which the Redis client writes,
    loses a cancellation that comes just as the write is done.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
