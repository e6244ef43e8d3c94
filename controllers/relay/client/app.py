"""The relay-client put together: it joins, keeps its links, and leaves in good order."""

import asyncio
import logging
from importlib.metadata import version

from controllers.environment import Address
from controllers.relay.call import CallFailed
from controllers.relay.client.clock import Clock
from controllers.relay.client.demand import backoff, join_wait
from controllers.relay.client.dial import Dialler
from controllers.relay.client.gateway import MetricsOut
from controllers.relay.client.joiner import Invitation, Joiner, JoinFailed
from controllers.relay.client.keyring import Keyring, Member
from controllers.relay.client.kubernetes import Access, Kubernetes, KubernetesError, SecretChanged
from controllers.relay.client.local import Local
from controllers.relay.client.pool import ClientPool
from controllers.relay.client.rotation import Rotation
from controllers.relay.client.settings import Settings
from controllers.relay.client.whereabouts import Whereabouts
from controllers.relay.client.writers import Writers
from controllers.relay.event_loop import ended, passed
from controllers.relay.listener import Listener

log = logging.getLogger(__name__)
LOOK_AGAIN_SECONDS = 2.0


class RelayClient:
    """One relay-client process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = Clock()
        self._metrics_out = MetricsOut(self._clock)
        self.pool: ClientPool | None = None
        self._kubernetes = Kubernetes(Access.of(settings.kubeconfig), settings.namespace)
        self._joiner = Joiner(
            self._kubernetes, settings.join_file, version("neurox"), settings.proxies
        )
        self._writers = Writers(self._kubernetes, settings.write_token)
        local = Local(self._metrics_out, self._writers, lambda: self.pool, self._joiner)
        self._listener = Listener(local.handle)

    async def listen(self) -> Address:
        """Begin to take metrics; returns the address with its real port."""
        return await self._listener.listen(self._settings.metrics_listen)

    async def run(self, stop: asyncio.Event) -> None:
        """Join and serve until ``stop``, then drain."""
        address = await self.listen()
        log.info("metrics and health on %s", address)
        learning = asyncio.create_task(self._writers.learn())
        try:
            while not stop.is_set():
                member = await self._member(stop)
                if member is not None:
                    await self._serve(member, stop)
        finally:
            await ended([learning])
            self._listener.close()
            self._metrics_out.close()
            self._kubernetes.close()

    async def _member(self, stop: asyncio.Event) -> Member | None:
        """Who we are, tried until it is known; None when stopped first."""
        failures = refusals = 0
        while not stop.is_set():
            tried = self._joiner.invited()
            try:
                return await self._joiner.member()
            except JoinFailed as failure:
                log.error("%s", failure)
                anew = await self._until_invited_anew(tried, join_wait(refusals), stop)
                refusals = 0 if anew else refusals + 1
            except SecretChanged:
                log.info("another replica wrote the key first; reading it")
            except (CallFailed, KubernetesError) as failure:
                failures += 1
                seconds = backoff(failures, 1.0)
                log.warning("cannot join now: %s; next try in %.1f s", failure, seconds)
                await passed(seconds, stop)
        return None

    async def _serve(self, member: Member, stop: asyncio.Event) -> None:
        """Keep links as this member until stopped, or until a new join token may help."""
        whereabouts = Whereabouts(self._kubernetes, member, self._settings.proxies)
        dialler = Dialler(member, self._clock, self._settings.instance, whereabouts)

        def adopt(changed: Member) -> None:
            dialler.use(changed)
            self._metrics_out.use(changed, whereabouts.origin)

        whereabouts.moved = lambda: self._metrics_out.use(dialler.member, whereabouts.origin)
        whereabouts.moved()
        days, trust = self._settings.rotate_days, self._joiner.trust
        rotation = Rotation(Keyring(self._kubernetes), self._clock, days, adopt)
        targets = {"manager": self._settings.manager}
        pool = self.pool = ClientPool(dialler, targets, rotation, trust.offer)
        joined_by = self._joiner.went_by
        works = (
            pool.run(),
            rotation.run(member, pool),
            trust.run(member.cluster_id),
            whereabouts.run(),
        )
        tasks = [asyncio.create_task(work) for work in works]
        try:
            while not stop.is_set() and not any(task.done() for task in tasks):
                if self._joiner.invited() not in (None, joined_by):
                    log.info("there is a new join Secret")
                    return
                await passed(LOOK_AGAIN_SECONDS, stop)
        finally:
            failed = [task for task in tasks if task.done()]
            await ended(tasks)
            await pool.drain(self._settings.drain_seconds if stop.is_set() else 0.0)
            for task in failed:
                task.result()

    async def _until_invited_anew(
        self, tried: Invitation | None, seconds: float, stop: asyncio.Event
    ) -> bool:
        """Wait, but not when the join Secret changes; whether it did."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end and self._joiner.invited() == tried:
            if not await passed(LOOK_AGAIN_SECONDS, stop):
                break
        return self._joiner.invited() != tried
