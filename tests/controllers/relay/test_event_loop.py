import asyncio

from controllers.relay import event_loop


def test_a_task_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    lost = []

    async def stubborn() -> None:
        while not lost:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost.append(1)
        await asyncio.Event().wait()

    async def scene() -> bool:
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        await event_loop.ended([task])
        return task.cancelled()

    assert asyncio.run(scene())
    assert lost


def test_what_an_ended_task_raised_is_dropped() -> None:
    async def fails() -> None:
        raise ValueError("lost")

    async def scene() -> bool:
        task = asyncio.create_task(fails())
        await event_loop.ended([task])
        return task.done()

    assert asyncio.run(scene())
