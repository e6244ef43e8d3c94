"""Cuts the links and writes of clusters whose keys were taken back, and asks for new keys."""

import asyncio
import logging
import time
from collections.abc import Collection

from controllers.relay import message
from controllers.relay.credential import Credential
from controllers.relay.registry import Registry, RegistryDown
from controllers.relay.server.gateway import Gateway
from controllers.relay.server.pool import Pool, Pools

log = logging.getLogger(__name__)
RETRY_SECONDS = 1.0
REVOKED = 1008


async def watch(registry: Registry, pools: Pools, gateway: Gateway) -> None:
    """Follow the changes of keys for ever, and look at every cluster every few seconds."""
    while True:
        try:
            async for changed in registry.changes():
                registry.forget(changed)
                here = {pool.cluster_id for pool in pools if pool.links}.union(gateway.writing)
                for cluster_id in here if changed is None else here & {changed}:
                    credential = await registry.credential_of(cluster_id)
                    good = credential.good(time.time())
                    cut = gateway.cut(cluster_id, good)
                    pools.observed.cut("write", cut, keys_left=bool(good))
                    pool = pools.find(cluster_id)
                    if pool is not None:
                        _enforce(good, pool)
                        _ask(credential, pool)
        except RegistryDown as failure:
            log.warning("%s; changes of keys are not seen", failure)
        await asyncio.sleep(RETRY_SECONDS)


def _enforce(good: Collection[str], pool: Pool) -> None:
    """Close what was let in by a key that is good no more."""
    gone = [link for link in pool.links if link.kid not in good]
    for link in gone:
        link.draining = True
        pool.free.discard(link)
        link.reset("revoked", "the cluster's access was taken back")
        link.close(REVOKED, "revoked")
    pool.observed.cut("connection", len(gone), keys_left=bool(good))
    if gone:
        log.info("cluster %s: %d connections closed, their key is gone", pool.cluster_id, len(gone))


def _ask(credential: Credential, pool: Pool) -> None:
    """Pass an admin's wish on, again and again until there is a new key."""
    current = credential.current
    if credential.asked_at is None or current is None:
        return
    listening = [link for link in pool.links if not link.draining]
    if listening:
        newest = max(listening, key=lambda link: link.seen_at)
        newest.send(message.Rotate(kid=current.kid))
