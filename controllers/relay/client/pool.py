"""Keeps enough links open, and lets go of those that are too many, too old, or unwanted."""

import asyncio
import logging
import random

from controllers.environment import Address
from controllers.relay import message
from controllers.relay.call import CallFailed
from controllers.relay.client import demand
from controllers.relay.client.dial import Dialler, DialRefused
from controllers.relay.client.link import ClientLink
from controllers.relay.event_loop import passed
from controllers.relay.limits import PoolSize

log = logging.getLogger(__name__)
TICK_SECONDS = 1.0
AFTER_DRAIN_SECONDS = 2.0
LAST_OPENS_SECONDS = 0.2
LET_GO_SECONDS = 5.0
_chance = random.SystemRandom()


class ClientPool:
    """The links of one member. ``refusal`` is the last answer that was not a link."""

    def __init__(self, dialler: Dialler, targets: dict[str, Address]) -> None:
        self.targets = targets
        self.links: set[ClientLink] = set()
        self.refusal: DialRefused | None = None
        self.failures = 0
        self.dials = 0
        self._dialler = dialler
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._dialling: set[asyncio.Task[None]] = set()
        self._lives: dict[ClientLink, float] = {}
        self._size = PoolSize()
        self._wanted = 0
        self._started = self._reachable = False
        self._not_before = self._outcome_at = 0.0

    async def run(self) -> None:
        """Keep the pool full, for ever; cancel it to stop dialling."""
        try:
            while True:
                self._let_go()
                for _ in range(self._due()):
                    task = self._loop.create_task(self._dial())
                    self._dialling.add(task)
                    task.add_done_callback(self._dialled)
                self._news.clear()
                await passed(TICK_SECONDS, self._news)
        finally:
            for task in self._dialling:
                task.cancel()

    async def drain(self, seconds: float) -> None:
        """Leave: no new streams, and ``seconds`` for those that run. Stop ``run`` first."""
        for link in self.links:
            link.draining = True
            link.send(message.Drain(seconds))
        end = self._loop.time() + seconds
        await asyncio.sleep(LAST_OPENS_SECONDS)  # an open may be on its way
        while self.links and self._loop.time() < end:
            for link in [link for link in self.links if link.stream is None]:
                link.close(reason="draining")
            self._news.clear()
            await passed(min(TICK_SECONDS, max(0.01, end - self._loop.time())), self._news)
        for link in list(self.links):
            link.reset("drained", "the relay-client is stopping")
            link.close(reason="draining")

    def close(self) -> None:
        """Cut everything: the member is no longer who we are."""
        for link in list(self.links):
            link.close()

    @property
    def counts(self) -> demand.Links:
        """How many links there are of each kind."""
        draining = sum(link.draining for link in self.links)
        idle = sum(link.stream is None and not link.draining for link in self.links)
        busy = len(self.links) - idle - draining
        return demand.Links(idle, busy, len(self._dialling), draining)

    @property
    def waiting_seconds(self) -> float:
        """How long until the next dial is allowed."""
        return max(0.0, self._not_before - self._loop.time())

    # What links tell.

    def changed(self) -> None:
        """Something to look at."""
        self._news.set()

    def greeted(self, hello: message.Hello) -> None:
        """The server has said how many links it wants."""
        size = hello.pool
        self._size = PoolSize(size.min, size.start, size.max).bounded()
        self._news.set()

    def gone(self, link: ClientLink) -> None:
        """A link is no more."""
        self.links.discard(link)
        self._lives.pop(link, None)
        if not self.links and not link.draining:
            # The server itself may be gone, and a thousand clients with us have noticed.
            self._reachable = False
            self._wait(self.spread(0.0, AFTER_DRAIN_SECONDS))
        self._news.set()

    def wanted(self, more: int) -> None:
        """The server has callers waiting."""
        self._wanted = min(more, self._size.max)
        self._news.set()

    def spread(self, low: float, high: float) -> float:
        """A random number between the two."""
        return _chance.uniform(low, high)

    def _due(self) -> int:
        if self._loop.time() < self._not_before:
            return 0
        return demand.dials(self.counts, self._size, self._wanted, self._reachable, self._started)

    async def _dial(self) -> None:
        try:
            link = await self._dialler.dial(self)
        except DialRefused as refusal:
            self.refusal = refusal
            chance = self.spread(0.5, 1.0)
            self._failed(
                demand.refused_wait(refusal.status, refusal.retry_after, chance), str(refusal)
            )
            return
        except CallFailed as failure:
            self._failed(demand.backoff(self.failures + 1, self.spread(0.5, 1.0)), str(failure))
            return
        if not self._reachable:
            log.info("connected to the hub")
        self.failures, self.refusal, self._reachable = 0, None, True
        self.dials += 1
        self._wanted = max(0, self._wanted - 1)
        self._outcome_at = self._loop.time()
        spread = self.spread(1 - demand.LIFE_SPREAD, 1 + demand.LIFE_SPREAD)
        self._lives[link] = demand.LIFE_SECONDS * spread
        self.links.add(link)
        self._started = self._started or len(self.links) >= self._size.start

    def _dialled(self, task: asyncio.Task[None]) -> None:
        self._dialling.discard(task)
        self._news.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("a dial failed", exc_info=task.exception())
            self._wait(demand.LONGEST_BACKOFF)

    def _failed(self, seconds: float, words: str) -> None:
        self.failures += 1
        self._reachable = False
        self._outcome_at = self._loop.time()
        self._wait(seconds)
        log.warning("%s; next try in %.1f s", words, self.waiting_seconds)

    def _wait(self, seconds: float) -> None:
        self._not_before = max(self._not_before, self._loop.time() + seconds)

    def _let_go(self) -> None:
        """Close idle links: drained ones when replaced, old ones, and the surplus."""
        now = self._loop.time()
        idle = [link for link in self.links if link.stream is None]
        for link in idle:
            if link.draining:
                self._let_go_of_drained(link, now)
        fresh = sorted((link for link in idle if not link.draining), key=lambda link: link.used_at)
        spare = len(fresh) - self._size.min
        for link in fresh:
            surplus = spare > 0 and now - link.used_at > demand.SURPLUS_SECONDS
            if surplus or now - link.made_at > self._lives.get(link, demand.LIFE_SECONDS):
                spare -= 1
                link.draining = True
                link.close(1000, "surplus" if surplus else "old")

    def _let_go_of_drained(self, link: ClientLink, now: float) -> None:
        """Once a dial after the drain has come to an end, good or bad, it is of no more use."""
        if link.drain_at is None:
            return
        if self._outcome_at > link.drain_at or now - link.drain_at > LET_GO_SECONDS:
            link.close(reason="drained")
