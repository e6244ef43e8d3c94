"""Calls that come in crowds: the first at once, the rest as one, none lost."""

import asyncio

from controllers.relay.client.throttle import Throttle

SECONDS = 0.2


def test_the_first_call_is_passed_on_at_once_and_a_crowd_behind_it_as_one() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        calls: asyncio.Queue[float] = asyncio.Queue()
        throttle = Throttle(SECONDS, lambda: calls.put_nowait(loop.time()))
        asked = loop.time()
        throttle()
        assert calls.get_nowait() >= asked
        for _ in range(1000):
            throttle()
        assert calls.empty()
        assert await asyncio.wait_for(calls.get(), 5) - asked >= SECONDS
        assert calls.empty()
        throttle()
        assert calls.empty(), "it rests again"
        await asyncio.wait_for(calls.get(), 5)

    asyncio.run(work())
