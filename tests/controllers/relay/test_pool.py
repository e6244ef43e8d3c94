"""Callers that wait for a link, and those who stop waiting."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from controllers.relay.server.link import ServerLink
from controllers.relay.server.pool import NoConnection, Pool


@dataclass
class Wire:
    closed: bool = False


@dataclass(eq=False)
class FakeLink:
    """A link that carries a stream already, and notes what it was told to send."""

    stream: object | None = "busy"
    draining: bool = False
    seen_at: float = 0.0
    connection: Wire = field(default_factory=Wire)
    sent: list[Any] = field(default_factory=list)

    def send(self, outgoing: object) -> None:
        self.sent.append(outgoing)


def pool_with(link: FakeLink) -> tuple[Pool, ServerLink]:
    pool, real = Pool("c"), cast(ServerLink, link)
    pool.links.add(real)
    return pool, real


def test_callers_who_gave_up_do_not_count() -> None:
    link = FakeLink()
    pool, _ = pool_with(link)

    async def many() -> None:
        for _ in range(60):
            with pytest.raises(NoConnection, match="became free within"):
                await pool.take(0.001)

    asyncio.run(many())
    assert {want.n for want in link.sent} == {1}


def test_a_link_given_to_a_caller_who_gives_up_at_that_moment_is_not_lost() -> None:
    pool, link = pool_with(FakeLink())

    async def crossed() -> None:
        taking = asyncio.create_task(pool.take(5.0))
        await asyncio.sleep(0)
        pool.idle(link)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking

    asyncio.run(crossed())
    assert pool.free == {link}


def test_whoever_waits_longest_is_served_first() -> None:
    pool, link = pool_with(FakeLink())

    async def two() -> list[str]:
        order: list[str] = []

        async def caller(name: str) -> None:
            got = await pool.take(5)
            order.append(name)
            pool.idle(got)

        tasks = [asyncio.create_task(caller(name)) for name in ("first", "second")]
        await asyncio.sleep(0)
        pool.idle(link)
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(two()) == ["first", "second"]
