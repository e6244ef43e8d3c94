"""Calls that come in crowds: the first at once, the rest as one, none lost."""

import asyncio

from controllers.relay.client.throttle import Throttle


def test_the_first_call_is_passed_on_at_once_and_a_crowd_behind_it_as_one() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        calls: asyncio.Queue[float] = asyncio.Queue()
        throttle = Throttle(0.05, lambda: calls.put_nowait(loop.time()))
        throttle()
        first = calls.get_nowait()
        for _ in range(1000):
            throttle()
        assert calls.empty()
        second = await asyncio.wait_for(calls.get(), 5)
        assert second - first >= 0.05
        assert calls.empty()
        throttle()
        assert await asyncio.wait_for(calls.get(), 5) - second >= 0.05

    asyncio.run(work())
