"""Takes the new keys of clusters, and what their clients say of key and clock."""

import asyncio
import logging
import time

import msgspec

from controllers.relay import identity, message, wire
from controllers.relay.credential import Rotation
from controllers.relay.identity import ROTATE, IdentityError, Proof
from controllers.relay.registry import Registry, RegistryDown
from controllers.relay.seldom import Seldom
from controllers.relay.server.link import ServerLink
from controllers.relay.server.observed import Observed
from controllers.relay.server.pace import Pace
from controllers.relay.succession import REFUSALS

log = logging.getLogger(__name__)
FARTHEST = 1e10
"""Seconds beyond which no time or skew of a client is believed."""
WORDS = 200
"""Characters of a client's complaint that are kept."""


class KeyDesk:
    """One message of a kind and link at a time; what comes meanwhile is dropped: it comes again.

    A new key and a complaint about the last one are two kinds: they may come one after the other.
    """

    def __init__(self, registry: Registry, observed: Observed) -> None:
        self._registry = registry
        self._observed = observed
        self._busy: dict[tuple[ServerLink, type, bool], asyncio.Task[None]] = {}
        self._pace = Pace()
        self._seldom = Seldom(log)

    def heard(
        self, cluster_id: str, link: ServerLink, news: message.Rotate | message.Report
    ) -> None:
        """Begin to work on it."""
        work = (link, type(news), isinstance(news, message.Rotate) and bool(news.failed))
        if work in self._busy or not self._pace.allows(cluster_id):
            return
        task = asyncio.get_running_loop().create_task(self._work(cluster_id, link, news))
        self._busy[work] = task
        task.add_done_callback(lambda _: self._busy.pop(work))

    async def _work(
        self, cluster_id: str, link: ServerLink, news: message.Rotate | message.Report
    ) -> None:
        try:
            if isinstance(news, message.Report):
                await self._keep(cluster_id, link.kid, news)
            elif news.failed:
                self._observed.rotations["failed"] += 1
                await self._failed(cluster_id, link.kid, news.failed)
            else:
                await self._rotate(cluster_id, link, news)
        except RegistryDown as failure:
            log.warning("%s; what cluster %s said of its key is lost", failure, cluster_id)

    async def _keep(self, cluster_id: str, kid: str, report: message.Report) -> None:
        said = {"skew": report.skew_s, "rotates_at": report.rotates_at}
        fields = {
            name: repr(value)
            for name, value in said.items()
            if value is not None and abs(value) < FARTHEST
        }
        if fields:
            await self._registry.note(cluster_id, kid, fields)

    async def _rotate(self, cluster_id: str, link: ServerLink, asked: message.Rotate) -> None:
        try:
            # Not the link's own key: a link outlives the time in which its key is the one in use.
            holder = await self._proven(cluster_id, asked.token)
            new = {identity.key_id(asked.public_key): asked.public_key}
            proof = identity.verify(asked.proof, new, ROTATE)
            if cluster_id != proof.cluster_id:
                raise IdentityError("the proof is for another cluster")
        except IdentityError as failure:
            self._observed.rotations["unproven"] += 1
            await self._refuse(cluster_id, link, asked, str(failure))
            return
        outcome = await self._registry.succeed(cluster_id, holder.kid, asked.public_key)
        self._observed.rotations[outcome] += 1
        if outcome in REFUSALS:
            await self._refuse(cluster_id, link, asked, REFUSALS[outcome])
            return
        if outcome == "done":
            log.info("cluster %s: key %s follows %s", cluster_id, proof.kid, holder.kid)
        link.send(message.Rotated(proof.kid))

    async def _proven(self, cluster_id: str, token: str) -> Proof:
        claim = identity.claimed(token)
        if claim.cluster_id != cluster_id:
            raise IdentityError("the token is of another cluster")
        keys = await self._registry.keys_of(cluster_id, claim.kid)
        return identity.verify(token, keys, ROTATE)

    async def _refuse(
        self, cluster_id: str, link: ServerLink, asked: message.Rotate, words: str
    ) -> None:
        try:
            await self._failed(cluster_id, link.kid, f"refused: {words}")
        finally:  # not before: who hears it may ask again at once
            link.send(message.Rotated(identity.key_id(asked.public_key), words))

    async def _failed(self, cluster_id: str, kid: str, words: str) -> None:
        words = wire.shown(words[:WORDS])
        # Of clusters that have a key alone: there are only so many kinds of it.
        self._seldom.warning(cluster_id, f"cluster {cluster_id}: its key was not rotated: {words}")
        outcome = Rotation(time.time(), ok=False, words=words)
        text = msgspec.json.encode(outcome).decode()
        await self._registry.note(cluster_id, kid, {"rotation": text})
