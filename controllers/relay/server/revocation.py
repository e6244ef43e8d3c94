"""Cuts the links of clusters whose keys were taken back."""

import asyncio
import logging

from controllers.relay.registry import Registry, RegistryDown
from controllers.relay.server.pool import Pool, Pools

log = logging.getLogger(__name__)
RETRY_SECONDS = 1.0
REVOKED = 1008


async def watch(registry: Registry, pools: Pools) -> None:
    """Follow the changes of keys for ever, and look at every cluster every few seconds."""
    while True:
        try:
            async for cluster_id in registry.changes():
                registry.forget(cluster_id)
                for pool in pools:
                    if cluster_id in (None, pool.cluster_id):
                        await _enforce(registry, pool)
        except RegistryDown as failure:
            log.warning("%s; changes of keys are not seen", failure)
        await asyncio.sleep(RETRY_SECONDS)


async def _enforce(registry: Registry, pool: Pool) -> None:
    """Close what was let in by a key that is good no more."""
    keys = await registry.keys_of(pool.cluster_id)
    gone = [link for link in pool.links if link.kid not in keys]
    for link in gone:
        link.draining = True
        pool.free.discard(link)
        link.reset("revoked", "the cluster's access was taken back")
        link.close(REVOKED, "revoked")
    if gone:
        log.info("cluster %s: %d connections closed, their key is gone", pool.cluster_id, len(gone))
