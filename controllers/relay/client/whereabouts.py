"""Where this cluster reaches the control plane: what worked, and what it is told by a link.

A new address or CA is kept first, then tried beside what works, and only what has worked takes its
place: an address that leads nowhere never costs the connection.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable

import msgspec

from controllers.relay import hub_key, hub_place
from controllers.relay.call import Origin
from controllers.relay.client.keeping import keep
from controllers.relay.client.keyring import Member
from controllers.relay.client.kubernetes import Kubernetes
from controllers.relay.hub_place import Place, PlaceError, Places
from controllers.relay.proxy import Proxies

log = logging.getLogger(__name__)
KEY = "hub"
"""In the Secret that also holds the control plane's keys."""
FIRST_WAIT, LONGEST_WAIT = 10.0, 600.0


class Kept(msgspec.Struct, frozen=True):
    """What is written down, and for which join: another one has an address of its own."""

    joined: str
    told: Places = Places()
    worked: Place | None = None


class Whereabouts:
    """Of one member, from the address in its join Secret on."""

    def __init__(self, kubernetes: Kubernetes, member: Member, proxies: Proxies) -> None:
        self._kubernetes = kubernetes
        self._proxies = proxies
        self.current = Place(member.server, (member.ca_pem or "").strip())
        """Where it worked last; at first, where the join Secret says."""
        mark = f"{member.cluster_id}\n{member.server}\n{member.ca_pem}"
        self._joined = hashlib.sha256(mark.encode()).hexdigest()
        self._kept = Kept(self._joined)
        self._loaded = False
        """Whether it went on where it worked before; a write that is tried again does so again."""
        self._told = Places()
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._waits: dict[Place, tuple[float, float]] = {}
        """Of places that failed: until when they are left alone, and for how long next time."""
        self._origins: dict[Place, Origin] = {}
        self.moved: Callable[[], None] = lambda: None

    @property
    def origin(self) -> Origin:
        """To call where it works."""
        return self.origin_of(self.current)

    def origin_of(self, place: Place) -> Origin:
        """To call there."""
        if place not in self._origins:
            self._origins[place] = Origin.of(place.url, place.ca_pem or None, self._proxies)
        return self._origins[place]

    def tell(self, told: Places) -> None:
        """What the control plane says over a link; it is used once it is kept."""
        self._told = told
        self._news.set()

    def order(self) -> list[Place]:
        """Where to dial, the best first: those that failed a moment ago come last."""
        places = dict.fromkeys((*self._kept.told.each, self.current))
        return sorted(places, key=self._waits_now)

    @property
    def tempted(self) -> bool:
        """Whether there is a better place that has not been tried, or not for long."""
        best = next(iter(self._kept.told.each), self.current)
        return best != self.current and not self._waits_now(best)

    def failed(self, place: Place, failure: Exception) -> None:
        """It did not work there."""
        _, seconds = self._waits.get(place, (0.0, FIRST_WAIT))
        self._waits[place] = (self._loop.time() + seconds, min(LONGEST_WAIT, 2 * seconds))
        if place != self.current and seconds == FIRST_WAIT:
            log.warning(
                "the control plane says that it is at %s, which does not work: %s; staying at %s, "
                "and trying again from time to time",
                place.url,
                failure,
                self.current.url,
            )

    def worked(self, place: Place) -> None:
        """It worked there."""
        self._waits.pop(place, None)
        if place != self.current:
            log.info("the control plane is reached at %s now", place.url)
            self.current = place
            self._news.set()
            self.moved()

    async def recall(self) -> None:
        """Know where it worked before, and write nothing. KubernetesError."""
        secret = await self._kubernetes.secret(hub_key.SECRET)
        self._begin(_read(secret.data.get(KEY, ""), self._joined))

    async def run(self) -> None:
        """Keep what is told and what worked, for ever; cancel it to stop."""
        self._news.set()
        self._loaded = False
        await keep(self._news, self._keep, "where the control plane is")

    async def _keep(self) -> None:
        secret = await self._kubernetes.secret(hub_key.SECRET)
        kept = _read(secret.data.get(KEY, ""), self._joined)
        if not self._loaded:
            self._begin(kept)
        told = self._followed()
        worked = self.current if told.urls else None
        wanted = Kept(self._joined, told, worked)
        if wanted not in (kept, Kept(self._joined)):
            text = msgspec.json.encode(wanted).decode()
            await self._kubernetes.patch_secret(hub_key.SECRET, {KEY: text}, secret.version)
        if told != self._kept.told:
            log.info("the control plane says that it is at %s", ", ".join(told.urls))
            self._waits.clear()
        self._kept = wanted
        self._loaded = True

    def _begin(self, kept: Kept) -> None:
        """Go on where it worked before."""
        self._kept = kept
        if kept.worked is not None and kept.worked != self.current:
            self.current = kept.worked
            self.moved()

    def _followed(self) -> Places:
        """What is told, where it concerns us; else what was told before.

        A cluster that has another way than the addresses for all, as the one in which the control
        plane itself runs, keeps its own.
        """
        told, before = self._told, self._kept.told
        if not told.urls or told == before:
            return before
        try:
            told = hub_place.checked(told.urls, told.ca_pem)
        except PlaceError as failure:
            log.error("what the control plane says of its address is not followed: %s", failure)
            return before
        if self.current.url not in told.urls:
            log.info("staying at %s, which is none of the addresses for all", self.current.url)
            return before
        if not before.urls and told.each == (self.current,):
            return before
        return told

    def _waits_now(self, place: Place) -> bool:
        return self._waits.get(place, (0.0, 0.0))[0] > self._loop.time()


def _read(text: str, joined: str) -> Kept:
    try:
        kept = msgspec.json.decode(text or "{}", type=Kept)
    except msgspec.MsgspecError:
        return Kept(joined)
    return kept if kept.joined == joined else Kept(joined)
