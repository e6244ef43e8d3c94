"""Says in Redis which clusters this replica can reach, and knows which replicas there are."""

import asyncio
import logging
import random
from collections.abc import Callable

from controllers.relay.event_loop import passed
from controllers.relay.registry import RegistryDown
from controllers.relay.server.pool import Pools
from controllers.relay.server.replicas import Replicas

log = logging.getLogger(__name__)
REFRESH_SECONDS = 10.0
REFRESH_SPREAD = 0.1
GATHER_SECONDS = 0.1
"""Clusters that come or go within that time are told of together."""
_chance = random.SystemRandom()


class Presence:
    """Announces, now and then and when a cluster comes or goes; ``live`` is who else did so."""

    def __init__(self, replicas: Replicas, pools: Pools, address: str) -> None:
        self.live: tuple[str, ...] = (replicas.name,)
        self._replicas = replicas
        self._pools = pools
        self._address = address
        self._said: set[str] = set()
        self._blind = False

    @property
    def alone(self) -> bool:
        """Whether there is no other replica that could be asked."""
        return len(self.live) == 1

    async def run(self, on_change: Callable[[], None]) -> None:
        """For ever; take back what was said at the end. ``on_change``: others are live now."""
        try:
            while True:
                if await self.announce():
                    on_change()
                spread = _chance.uniform(1 - REFRESH_SPREAD, 1 + REFRESH_SPREAD)
                await passed(REFRESH_SECONDS * spread, self._pools.news)
                await asyncio.sleep(GATHER_SECONDS)
        finally:
            await self.withdraw()

    async def announce(self) -> bool:
        """Once; whether the live replicas are not those of before."""
        self._pools.news.clear()
        now = counts(self._pools)
        gone = self._said - now.keys()
        self._said |= now.keys()  # from here on it may be so, even if we never hear
        try:
            live = await self._replicas.announce(self._address, now, gone)
        except RegistryDown as failure:
            if not self._blind:
                log.warning("%s; this replica is not announced until it does", failure)
            self._blind = True
            return False
        if self._blind:
            log.info("Redis answers again: this replica is announced")
        self._blind, self._said = False, set(now)
        before, self.live = self.live, tuple(sorted({self._replicas.name, *live}))
        return before != self.live

    async def withdraw(self) -> None:
        """Nobody shall come here any more."""
        try:
            await self._replicas.withdraw(self._said)
        except RegistryDown:
            log.info("presence is left to expire")


def counts(pools: Pools) -> dict[str, dict[str, int]]:
    """Idle links and streams of each cluster that is connected."""
    return {
        pool.cluster_id: {"idle": len(pool.free), "streams": pool.streams}
        for pool in pools
        if pool.links
    }
