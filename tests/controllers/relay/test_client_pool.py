"""Dials of one relay-client that begin together and end otherwise."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from controllers.relay.client.dial import DialRefused
from controllers.relay.client.pool import ClientPool
from controllers.relay.head import AnswerHead


class Link:
    """What came of a dial."""

    draining = False


class Dialler:
    """Ends dials as it is told."""

    whereabouts = SimpleNamespace(tell=lambda _: None)

    def __init__(self, *ends: Any) -> None:
        self.ends = list(ends)

    async def dial(self, _owner: object) -> Any:
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end


def test_a_dial_that_works_ends_the_wait_of_one_that_was_refused_beside_it() -> None:
    async def work() -> None:
        dialler = Dialler(DialRefused(AnswerHead(403, {})), Link())
        pool = ClientPool(cast(Any, dialler), {}, cast(Any, None))
        await pool._dial()
        assert pool.refusal is not None
        assert pool.waiting_seconds > 50
        await pool._dial()
        assert pool.refusal is None
        assert pool.waiting_seconds == 0
        (link,) = pool.links
        pool.gone(link)
        assert pool.waiting_seconds < 3, "what keeps us out now is soon known"

    asyncio.run(work())
