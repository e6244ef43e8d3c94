"""Keeps enough links open, and lets go of those that are too many, too old, or unwanted."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Protocol

from controllers.environment import Address
from controllers.relay import message
from controllers.relay.call import CallFailed
from controllers.relay.client import demand
from controllers.relay.client.dial import Dialler, DialRefused
from controllers.relay.client.link import ClientLink
from controllers.relay.client.throttle import Throttle
from controllers.relay.event_loop import passed
from controllers.relay.hub_key import HubKey
from controllers.relay.limits import PoolSize

log = logging.getLogger(__name__)
TICK_SECONDS = 1.0
LOOK_SECONDS = 0.02
CLOCK_SECONDS = 0.001
"""uvloop's clock counts whole milliseconds, so that its second may be one short."""
AFTER_DRAIN_SECONDS = 2.0
AFTER_LOSS_SECONDS = 0.1
"""Time to learn whether one link was lost, or all."""
LAST_OPENS_SECONDS = 0.2
SEEK_SPREAD_SECONDS = 2.0
_chance = random.SystemRandom()


class KeyKeeper(Protocol):
    """Looks after the key (see ``rotation``)."""

    def hears(self, news: message.Rotate | message.Rotated) -> None:
        """What the server says of it."""

    def refused(self) -> None:
        """The server does not know it."""

    def report(self) -> message.Report:
        """What the server is to know of it."""


class ClientPool:
    """The links of one member. ``refusal`` is the last answer that was not a link."""

    def __init__(
        self,
        dialler: Dialler,
        targets: dict[str, Address],
        keys: KeyKeeper,
        shown: Callable[[Sequence[HubKey]], None] = lambda _: None,
    ) -> None:
        self.targets = targets
        self.links: set[ClientLink] = set()
        self.refusal: DialRefused | None = None
        self.refused: Counter[tuple[int, bool]] = Counter()
        """Dials by status, and whether it was not a relay-server that answered."""
        self.failures = 0
        self.dials = 0
        self._dialler = dialler
        self.told = dialler.whereabouts.tell
        self.shown = shown
        """Takes the hub's keys as a link brings them."""
        self._keys = keys
        self._features: tuple[str, ...] = ()
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._look = Throttle(LOOK_SECONDS, self._news.set)
        self._dialling: set[asyncio.Task[None]] = set()
        self._size = PoolSize()
        self._wanted = 0
        self._started = self._reachable = False
        self._not_before = self._seek_at = 0.0
        self._replicas: tuple[str, ...] = ()
        self._misses = 0

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
                # To the moment: by ticks all clients of a hub that is gone would dial at once.
                wait = self.waiting_seconds or TICK_SECONDS
                await passed(min(TICK_SECONDS, wait), self._news)
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

    def tell(self, words: message.Message) -> bool:
        """Say it on one link; False when there is none."""
        link = max(self._usable, key=lambda link: link.made_at, default=None)
        if link is not None:
            link.send(words)
        return link is not None

    @property
    def rotates(self) -> bool:
        """Whether there is a link, to a server that takes new keys."""
        return message.ROTATE in self._features and bool(self._usable)

    @property
    def _usable(self) -> list[ClientLink]:
        return [link for link in self.links if not link.draining]

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
        """A stream began or ended, which they do by the thousand a second."""
        self._look()

    def greeted(self, _link: ClientLink, hello: message.Hello) -> None:
        """The server has said how many links it wants, and which relay-servers there are."""
        size = hello.pool
        self._size = PoolSize(size.min, size.start, size.max).bounded()
        self._features = hello.features
        if hello.replicas != self._replicas:
            # All clients are told at the same time.
            self._replicas, self._misses = hello.replicas, 0
            self._seek_at = self._loop.time() + self.spread(0.0, SEEK_SPREAD_SECONDS)
        self._news.set()

    def gone(self, link: ClientLink) -> None:
        """A link is no more."""
        self.links.discard(link)
        if not self.links:
            self._started = False
        if not link.draining:
            # Its server may be gone, which one dial finds out as well as four; our other links then
            # follow at once, and a thousand clients with us have noticed.
            self._reachable = False
            self._wait(self.spread(AFTER_LOSS_SECONDS, AFTER_DRAIN_SECONDS))
        self._news.set()

    def wanted(self, more: int) -> None:
        """The server has callers waiting."""
        self._wanted = min(more, self._size.max)
        self._news.set()

    def key_news(self, news: message.Rotate | message.Rotated) -> None:
        """The server speaks of our key."""
        self._keys.hears(news)

    def report(self) -> message.Report:
        """What the server is told on each link."""
        return self._keys.report()

    def spread(self, low: float, high: float) -> float:
        """A random number between the two."""
        return _chance.uniform(low, high)

    def _due(self) -> int:
        if self._loop.time() < self._not_before:
            return 0
        due = demand.dials(self.counts, self._size, self._wanted, self._reachable, self._started)
        return due or int(self._tempted() or self._seeks())

    def _tempted(self) -> bool:
        """Whether to dial one more, at a place that the control plane has told of."""
        links = self.counts
        room = links.total + links.draining < self._size.max
        return self._dialler.whereabouts.tempted and not links.dialling and room

    def _seeks(self) -> bool:
        """Whether to dial one more, which may end at another relay-server; counts that it does."""
        links, now = self.counts, self._loop.time()
        unknown = any(link.replica is None for link in self.links)
        if not self._reachable or links.dialling or unknown or now < self._seek_at:
            return False
        if links.total + links.draining >= self._size.max:
            return False
        if not demand.seeks(self._held(old=False), self._replicas):
            self._misses = 0
            return False
        self._misses += 1
        self._seek_at = now + demand.seek_wait(self._misses, self.spread(0.5, 1.0))
        return True

    def _held(self, old: bool) -> Counter[str]:
        """How many links go to each relay-server, with or without those whose time is over."""
        now = self._loop.time()
        return Counter(
            link.replica
            for link in self.links
            if link.replica is not None and not link.draining
            if old or now - link.made_at <= link.life
        )

    async def _dial(self) -> None:
        try:
            link = await self._dialler.dial(self)
        except DialRefused as refusal:
            self.refusal = refusal
            self.refused[refusal.status, refusal.barred] += 1
            if refusal.status == HTTPStatus.UNAUTHORIZED and not refusal.barred:
                self._keys.refused()
            wait = demand.refused_wait(
                refusal.status, refusal.retry_after, self.spread(0.5, 1.0), refusal.barred
            )
            self._failed(wait, str(refusal))
            return
        except CallFailed as failure:
            nth = self.failures + (not self.waiting_seconds)
            self._failed(demand.backoff(nth, self.spread(0.5, 1.0)), str(failure))
            return
        if not self._reachable:
            log.info("connected to the hub")
        # Another that began beside this one may have failed; what it was told is over, as its wait.
        self.failures, self.refusal, self._reachable, self._not_before = 0, None, True, 0.0
        self.dials += 1
        self._wanted = max(0, self._wanted - 1)
        self.links.add(link)
        self._started = self._started or len(self.links) >= self._size.start

    def _dialled(self, task: asyncio.Task[None]) -> None:
        self._dialling.discard(task)
        self._news.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("a dial failed", exc_info=task.exception())
            self._wait(demand.LONGEST_BACKOFF)

    def _failed(self, seconds: float, words: str) -> None:
        # Dials that began together and fail together are one failure.
        self.failures += not self.waiting_seconds
        self._reachable = False
        self._wait(seconds)
        log.warning("%s; next try in %.1f s", words, self.waiting_seconds)

    def hurry(self) -> None:
        """What we were refused for has changed: dial now."""
        self._not_before = 0.0
        self._news.set()

    def _wait(self, seconds: float) -> None:
        self._not_before = max(self._not_before, self._loop.time() + CLOCK_SECONDS + seconds)

    def _let_go(self) -> None:
        """Close idle links: drained ones when replaced, old ones, and the surplus."""
        now = self._loop.time()
        idle = [link for link in self.links if link.stream is None]
        for link in idle:
            if link.drain_at is not None:
                elsewhere = any(name != link.replica for name in self._replicas)
                enough = demand.replaced(now - link.drain_at, elsewhere, self._size)
                if self.counts.idle >= enough:
                    link.close(reason="drained")
        fresh = [link for link in idle if not link.draining and link.replica is not None]
        ages = [
            demand.Idle(str(link.replica), now - link.used_at, now - link.made_at, link.life)
            for link in fresh
        ]
        for index in demand.closable(ages, self._held(old=True), self._replicas, self._size):
            link = fresh[index]
            link.draining = True
            link.close(1000, "old" if ages[index].old else "surplus")
