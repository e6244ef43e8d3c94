"""Says in Redis which clusters this replica can reach; a hint for others, with an expiry."""

import asyncio
import logging

from controllers.relay.registry import Registry, RegistryDown
from controllers.relay.server.pool import Pools

log = logging.getLogger(__name__)
REFRESH_SECONDS = 10.0


def counts(pools: Pools) -> dict[str, dict[str, int]]:
    """Idle links and streams of each cluster that is connected."""
    return {
        pool.cluster_id: {"idle": len(pool.free), "streams": pool.streams}
        for pool in pools
        if pool.links
    }


async def announce(registry: Registry, pools: Pools, replica: str, address: str) -> None:
    """Refresh for ever; take back what was said at the end."""
    said: set[str] = set()
    try:
        while True:
            now = counts(pools)
            try:
                await registry.announce(replica, address, now)
                said |= now.keys()
            except RegistryDown as failure:
                log.warning("%s; this replica is not announced", failure)
            await asyncio.sleep(REFRESH_SECONDS)
    finally:
        try:
            await registry.withdraw(replica, sorted(said))
        except RegistryDown:
            log.info("presence is left to expire")
