"""The links of each cluster, and who waits for one."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from controllers.relay import message
from controllers.relay.limits import Allowance
from controllers.relay.server.link import ServerLink
from controllers.relay.server.observed import Observed
from controllers.relay.server.rate import Rate

RESTED_SECONDS = 5.0
Changed = Callable[[str, bool, str], None]
"""Told that a cluster has its first link here, or lost its last one, and why."""


class NoConnection(Exception):
    """No stream can be opened to the cluster now; the message says why."""


class Pool:
    """One cluster's links. The one that was heard of last is used first: it lives for sure."""

    def __init__(
        self,
        cluster_id: str,
        changed: Changed | None = None,
        allowance: Allowance | None = None,
        observed: Observed | None = None,
    ) -> None:
        self.cluster_id = cluster_id
        self.observed = observed or Observed()
        self.allowance = allowance or Allowance()
        per_second = self.allowance.bytes_per_second
        self.rate = Rate(per_second) if per_second else None
        self.rtt: float | None = None
        """Seconds of the last round trip that was measured."""
        self._changed = changed
        self._gone_in = self._gone_out = 0
        """What links carried that are no more."""
        self.links: set[ServerLink] = set()
        self.free: set[ServerLink] = set()
        self.opened = 0
        self._waiting: deque[asyncio.Future[ServerLink]] = deque()

    @property
    def streams(self) -> int:
        """Streams that run or are being opened."""
        return sum(link.stream is not None for link in self.links)

    @property
    def bytes_in(self) -> int:
        """What has come over its links here, frames and all."""
        return self._gone_in + sum(link.connection.bytes_in for link in self.links)

    @property
    def bytes_out(self) -> int:
        """What has gone over them."""
        return self._gone_out + sum(link.connection.bytes_out for link in self.links)

    def measure(self) -> None:
        """Take the time of a round trip, over a link where nothing else is on its way."""
        for link in [link for link in self.free if link.rested_seconds > RESTED_SECONDS][:1]:
            link.measure()

    def measured(self, seconds: float) -> None:
        """A round trip took so long."""
        self.rtt = seconds

    @property
    def usable(self) -> bool:
        """Whether a link may become free here."""
        return any(not link.draining for link in self.links)

    @property
    def moving(self) -> bool:
        """Whether the client dials another replica now, because this one told it to."""
        return any(link.sent_away for link in self.links)

    def add(self, link: ServerLink) -> None:
        """A link that has just been made."""
        self.links.add(link)
        self.idle(link)
        if len(self.links) == 1 and self._changed is not None:
            self._changed(self.cluster_id, True, "")

    def idle(self, link: ServerLink) -> None:
        """The link can carry a stream: the longest waiting caller gets it.

        Also when we have told it to leave: the client lets go of it once it has others.
        """
        self.free.discard(link)
        if (link.draining and not link.sent_away) or link not in self.links:
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(link)
                return
        self.free.add(link)

    def gone(self, link: ServerLink) -> None:
        """The link is no more."""
        if link in self.links:
            self.links.discard(link)
            self._gone_in += link.connection.bytes_in
            self._gone_out += link.connection.bytes_out
            if not self.links and self._changed is not None:
                self._changed(self.cluster_id, False, link.why)
        self.free.discard(link)
        if not self.usable:
            self.refuse_waiting("the cluster has just disconnected")

    def refuse_waiting(self, words: str) -> None:
        """Who waits for a link will get none here."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(NoConnection(words))

    def take_idle(self) -> ServerLink | None:
        """A free link; one that was told to leave only when there is no other."""
        most = self.allowance.streams
        if self.streams + len(self._waiting) >= most:
            raise NoConnection(f"the cluster has {most} streams already")
        while self.free:
            link = max(self.free, key=lambda each: (not each.draining, each.seen_at))
            self.free.remove(link)
            if not link.connection.closed:
                return link
        return None

    async def take(self, seconds: float) -> ServerLink:
        """A free link, waited for up to ``seconds``; NoConnection when there is none."""
        link = self.take_idle()
        if link is not None:
            return link
        usable = [link for link in self.links if not link.draining]
        if not usable:
            raise NoConnection("the cluster is not connected")
        waiter: asyncio.Future[ServerLink] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        usable[0].send(message.Want(len(self._waiting)))
        try:
            async with asyncio.timeout(seconds):
                return await waiter
        except TimeoutError:
            self._waits_no_more(waiter)
            raise NoConnection(f"no connection became free within {seconds:g} s") from None
        except asyncio.CancelledError:
            self._waits_no_more(waiter)
            raise

    def _waits_no_more(self, waiter: asyncio.Future[ServerLink]) -> None:
        """Take the caller out of the queue; a link that it was just given goes to the next one."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            self.idle(waiter.result())


class Pools:
    """Every cluster that has, or had, a link here."""

    def __init__(self, changed: Changed | None = None, allowance: Allowance | None = None) -> None:
        self._by_cluster: dict[str, Pool] = {}
        self._changed = changed
        self.allowance = allowance or Allowance()
        self.observed = Observed()
        self.news = asyncio.Event()
        """A cluster has come or gone."""

    def __iter__(self) -> Iterator[Pool]:
        return iter(list(self._by_cluster.values()))

    def of(self, cluster_id: str) -> Pool:
        """The cluster's pool, made when it is the first time; only for a verified cluster."""
        pool = self._by_cluster.get(cluster_id)
        if pool is None:
            pool = Pool(cluster_id, self._came_or_went, self.allowance, self.observed)
            self._by_cluster[cluster_id] = pool
        return pool

    def _came_or_went(self, cluster_id: str, here: bool, why: str) -> None:
        self.news.set()
        if self._changed is not None:
            self._changed(cluster_id, here, why)

    def find(self, cluster_id: str) -> Pool | None:
        """The cluster's pool, if it ever was here."""
        return self._by_cluster.get(cluster_id)

    def links(self) -> list[ServerLink]:
        """All links of all clusters."""
        return [link for pool in self for link in pool.links]
