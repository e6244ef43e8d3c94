"""The relay-server put together: it starts, serves, and leaves in good order."""

import asyncio
import logging
import ssl

from controllers.environment import Address
from controllers.relay.connection import lingering
from controllers.relay.event_loop import ended, passed
from controllers.relay.listener import Listener
from controllers.relay.registry import Registry
from controllers.relay.server import revocation
from controllers.relay.server.contacts import Contacts
from controllers.relay.server.doorkeeper import Doorkeeper
from controllers.relay.server.gateway import Gateway
from controllers.relay.server.hub_keys import HubKeys
from controllers.relay.server.internal import Internal
from controllers.relay.server.joining import JoinDesk
from controllers.relay.server.metrics import ServerMetrics
from controllers.relay.server.peers import Peers
from controllers.relay.server.pool import Pools
from controllers.relay.server.presence import Presence
from controllers.relay.server.public import Public
from controllers.relay.server.reception import Reception
from controllers.relay.server.replicas import Replicas
from controllers.relay.server.reread import watch
from controllers.relay.server.rotation import KeyDesk
from controllers.relay.server.settings import Settings
from controllers.relay.server.tunnel import Tunnel

log = logging.getLogger(__name__)
SPREAD_SECONDS = 5.0
LONGEST_GAP_SECONDS = 0.05
"""Links are told to leave over 5 s, and not slower than 20 a second when they are few."""
IDLE_SECONDS = 5.0
"""A proxy in front lets go of a connection that it does not use before that (see the edge)."""


class RelayServer:
    """One replica."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = Registry(settings.redis_url)
        self._contacts = Contacts(self._registry, settings.replica)
        allowance = settings.allowance
        self._pools = Pools(self._contacts.changed, allowance)
        self._gateway = Gateway(settings.receive_url, settings.tenant_header, allowance)
        doorkeeper = Doorkeeper(self._registry, self._contacts)
        self._hub_keys = HubKeys(settings.hub_keys)
        desk = JoinDesk(self._registry, self._contacts, self._hub_keys)
        key_desk = KeyDesk(self._registry, self._pools.observed)
        self._reception = Reception(settings, self._pools, doorkeeper, self._hub_keys, key_desk)
        public = Public(settings.replica, doorkeeper, self._reception, desk, self._gateway)
        self._replicas = Replicas(settings.redis_url, settings.replica)
        own = settings.advertised
        self._peers = Peers(self._replicas, settings.service_token, settings.peers, own)
        self._presence = Presence(self._replicas, self._pools, str(own))
        metrics = ServerMetrics(self._pools, doorkeeper, self._gateway, self._peers).registry()
        tunnel = Tunnel(self._pools, settings.service_token, self._peers, self._presence)
        self._outside = Listener(
            public.handle, most=allowance.sockets, unsent_most=allowance.unsent_bytes
        )
        inside = Internal(tunnel, metrics, self._unready)
        self._inside = Listener(inside.handle, unsent_most=allowance.unsent_bytes)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> tuple[Address, Address]:
        """Listen; returns the public and the internal address with their real ports."""
        settings = self._settings
        outside = await self._outside.listen(settings.listen, _tls(settings))
        # Before anybody calls: peers take nothing from one that they have not heard of.
        await self._presence.announce()
        self._tell_clusters()
        inside = await self._inside.listen(settings.internal_listen)
        for work in (
            revocation.watch(self._registry, self._pools, self._gateway),
            watch(self._hub_keys.changed, "the hub has a new key", self._tell_clusters),
            watch(
                self._reception.addresses.changed,
                "there are other CAs to trust",
                self._tell_addresses,
            ),
            self._contacts.run(self._pools, self._gateway),
            self._presence.run(self._tell_clusters),
            self._pools.observed.watch_loop(),
        ):
            self._tasks.append(asyncio.create_task(work))
        log.info("links on %s, callers on %s", outside, inside)
        return outside, inside

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop``, then drain; an own task that fails ends the process."""
        await self.start()
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopped, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        if stopped in done:
            await self.drain()
        await self.close()
        for task in done - {stopped}:
            task.result()

    async def drain(self) -> None:
        """Take nothing new, let clients dial elsewhere, give streams their time."""
        self._reception.draining = self._replicas.leaving = True
        self._pools.news.set()
        self._outside.stop_accepting()
        seconds = self._settings.drain_seconds
        links = self._pools.links()
        log.info("leaving: %d connections have %g s", len(links), seconds)
        began = asyncio.get_running_loop().time()
        gap = min(LONGEST_GAP_SECONDS, SPREAD_SECONDS / max(1, len(links)))
        for link in links:
            if not link.connection.closed:
                link.drain(seconds)
            await asyncio.sleep(gap)
        while (gone := asyncio.get_running_loop().time() - began) < seconds:
            if not (self._pools.links() or self._calls or self._outside.open or lingering()):
                break
            if gone > IDLE_SECONDS:
                self._outside.close_idle()
            await asyncio.sleep(0.05)
        for link in self._pools.links():
            link.reset("drained", "the relay-server is stopping")
            link.close(reason="draining")
        self._peers.cut()

    async def close(self) -> None:
        """Let go of everything."""
        self._outside.close()
        self._inside.close()
        for link in self._pools.links():
            link.close(reason="the relay-server stopped")
        self._gateway.close()
        await passed(0.05, asyncio.Event())  # the last words go out
        for connection in lingering():
            connection.cut()
        await ended(self._tasks)
        await self._registry.close()
        await self._replicas.close()

    @property
    def _calls(self) -> int:
        """Calls of the control plane that are not over, other than streams to our own links."""
        return self._peers.streams + self._inside.busy

    def _tell_clusters(self) -> None:
        """One link of each is enough: which relay-servers there are, and the hub's keys."""
        self._reception.replicas = self._presence.live
        for pool in self._pools:
            for link in list(pool.links)[:1]:
                link.send(self._reception.hello)

    def _tell_addresses(self) -> None:
        """Every link, for each relay-client of a cluster has to know."""
        for link in self._pools.links():
            self._reception.tell_addresses(link)

    def _unready(self) -> str | None:
        return "this relay-server is stopping" if self._reception.draining else None


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.certificate is None or settings.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.certificate, settings.key)
    return context
