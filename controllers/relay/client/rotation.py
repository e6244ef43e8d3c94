"""A new key every month: kept first, then shown to the hub, and only then used.

Every replica of the client does the same; the Secret decides whose new key it is, and each step
may be done twice. So a crash between two of them leaves a key that is good, and a step to do again.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from controllers.relay import message
from controllers.relay.client.clock import Clock
from controllers.relay.client.keyring import Kept, Keyring, Member
from controllers.relay.client.kubernetes import KubernetesError, SecretChanged
from controllers.relay.client.pool import ClientPool
from controllers.relay.event_loop import passed
from controllers.relay.identity import ROTATE, PrivateKey

log = logging.getLogger(__name__)
LOOK_SECONDS = 60.0
ANSWER_SECONDS = 15.0
AGAIN_SECONDS = 1.0
SPREAD = 0.1
DAY = 86400.0


class RotationFailed(Exception):
    """There is no new key yet; the message says why."""


class AnotherCluster(Exception):
    """A replica has joined as another cluster, and this one is to go on as that."""


class Rotation:
    """Looks after the key of one member. ``adopt`` is called with the member's new form."""

    def __init__(
        self, keyring: Keyring, clock: Clock, days: float, adopt: Callable[[Member], None]
    ) -> None:
        self.rotates_at: float | None = None
        self._keyring = keyring
        self._clock = clock
        self._days = days
        self._adopt = adopt
        self._using: PrivateKey | None = None
        self._asked = ""
        self._flipped = False
        self._offered = ""
        """The key id of what the hub was shown last; its answer to an earlier one may be late."""
        self._answer: asyncio.Future[message.Rotated] | None = None
        self._news = asyncio.Event()

    def hears(self, news: message.Rotate | message.Rotated) -> None:
        """The hub asks for a new key, or answers for one."""
        if isinstance(news, message.Rotate):
            self._asked = news.kid
            self._news.set()
        elif self._answer is not None and not self._answer.done() and news.kid == self._offered:
            self._answer.set_result(news)

    def refused(self) -> None:
        """The hub does not know the key; it may be that another is in use by now."""
        self._news.set()

    def report(self) -> message.Report:
        """What the hub is told on every link."""
        if self.rotates_at is None:
            self._news.set()
        return message.Report(self._clock.ahead, self.rotates_at)

    async def run(self, member: Member, pool: ClientPool) -> None:
        """Look again and again, until the Secret holds the membership of another cluster."""
        self._using = member.key
        while True:
            self._news.clear()
            seconds = LOOK_SECONDS
            try:
                await self._look(member.cluster_id, pool)
                if self.rotates_at is not None:
                    seconds = min(seconds, self.rotates_at - self._clock.now())
            except AnotherCluster:
                log.info("another replica has joined as another cluster; going on as that")
                return
            except SecretChanged:
                log.info("another replica wrote the Secret first; reading it")
                seconds = 0.0
            except (KubernetesError, RotationFailed) as failure:
                if self._asked or self._is_due:
                    log.warning("the key was not rotated: %s", failure)
                    pool.tell(message.Rotate(failed=str(failure)))
            await passed(max(AGAIN_SECONDS, seconds), self._news)

    @property
    def _is_due(self) -> bool:
        return self.rotates_at is not None and self.rotates_at <= self._clock.now()

    async def _look(self, cluster_id: str, pool: ClientPool) -> None:
        kept = await self._keyring.load()
        if kept.member is None:
            return  # the Secret was emptied: what is in memory goes on
        if kept.member.cluster_id != cluster_id:
            raise AnotherCluster
        self._follow(kept, kept.member, pool)
        if not pool.links:
            return  # nor has the hub told us yet what time it is
        await self._dated(kept, kept.member, pool)
        if self._asked != kept.member.key.kid:
            self._asked = ""  # that key was replaced meanwhile
        if not (self._is_due or self._asked or kept.successor) or not pool.rotates:
            return
        successor = kept.successor
        if successor is None:
            successor = PrivateKey.generate()
            await self._keyring.save_successor(successor)
        await self._succeed(kept.member, successor, pool)

    def _follow(self, kept: Kept, member: Member, pool: ClientPool) -> None:
        """Use a key that the hub knows: what another replica has brought, or what a crash left."""
        known = {key.kid: key for key in (member.key, kept.successor) if key is not None}
        using = self._using.kid if self._using is not None else ""
        if using not in known:
            self._use(member)
            pool.hurry()
        elif len(known) > 1 and not pool.links and _unknown(pool):
            (other,) = (key for kid, key in known.items() if kid != using)
            self._use(replace(member, key=other))
            if not self._flipped:  # later ones go by the pace of refused dials
                pool.hurry()
            self._flipped = True

    async def _dated(self, kept: Kept, member: Member, pool: ClientPool) -> None:
        """Know when the key is due; the age of one of unknown age begins now."""
        now, made_at = self._clock.now(), kept.made_at
        if made_at is None or made_at > now + DAY:  # by a clock that was wrong then
            await self._keyring.save_made(now)
            made_at = now
        # Spread by the key itself, so that it is the same after a restart and in every replica.
        chance = int(member.key.kid, 16) / 16 ** len(member.key.kid)
        rotates_at = made_at + self._days * DAY * (1 - SPREAD + 2 * SPREAD * chance)
        if rotates_at != self.rotates_at:
            self.rotates_at = rotates_at
            pool.tell(self.report())

    async def _succeed(self, member: Member, successor: PrivateKey, pool: ClientPool) -> None:
        if self._using is None or self._using.kid != successor.kid:
            await self._register(member, successor, pool)
            self._use(replace(member, key=successor))
        await self._keyring.promote(successor, self._clock.now())
        log.info("key %s follows %s, which stays good for a day", successor.kid, member.key.kid)
        self._news.set()  # to know when this one is due

    async def _register(self, member: Member, successor: PrivateKey, pool: ClientPool) -> None:
        now = self._clock.now()
        offer = message.Rotate(
            public_key=successor.public,
            token=member.key.token(member.cluster_id, ROTATE, now),
            proof=successor.token(member.cluster_id, ROTATE, now),
        )
        self._offered = successor.kid
        self._answer = asyncio.get_running_loop().create_future()
        if not pool.tell(offer):
            raise RotationFailed("there is no connection to the hub")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._answer
        except TimeoutError:
            raise RotationFailed("the hub does not answer") from None
        finally:
            self._answer = None
        if answer.refusal:
            raise RotationFailed(f"the hub refused it: {answer.refusal}")

    def _use(self, member: Member) -> None:
        self._using = member.key
        self._adopt(member)


def _unknown(pool: ClientPool) -> bool:
    refusal = pool.refusal
    if refusal is None or refusal.barred:  # an edge knows no key at all
        return False
    return refusal.status == HTTPStatus.UNAUTHORIZED
