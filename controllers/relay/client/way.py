"""The way to the control plane, step by step, from the proxy to the clock at its end."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, cast

from controllers.relay import barred, head, websocket
from controllers.relay.awaited_head import AwaitedHead
from controllers.relay.call import Origin, connect
from controllers.relay.client.joiner import JOIN_PATH
from controllers.relay.client.lookup import resolved
from controllers.relay.client.presented import presented
from controllers.relay.client.remedy import CLOCK, remedy
from controllers.relay.client.stage import NOT_LOOKED_AT, Fault, Stage
from controllers.relay.head import AnswerHead
from controllers.relay.hub_place import Place
from controllers.relay.limits import PROTOCOL, SKEW_SECONDS
from controllers.relay.proxied import open_through
from controllers.relay.proxy import Proxies
from controllers.relay.trouble import CallFailed, Trouble, silent, unreachable

SECONDS = 5.0
"""For each step."""
OURS = b"Neurox relay"
"""In what a relay-server says to everybody who asks without a token."""
STAGES = (
    ("proxy", "Proxy"),
    ("name", "Name resolved"),
    ("tcp", "TCP"),
    ("tls", "TLS"),
    ("edge", "Neurox relay"),
    ("upgrade", "WebSocket"),
    ("clock", "Clock"),
)
_READ_BYTES = 65536


class Way:
    """To one place, walked once. Nothing is shown to whoever is there."""

    def __init__(self, place: Place, proxies: Proxies, seconds: float = SECONDS) -> None:
        self._place, self._proxies, self._seconds = place, proxies, seconds
        self._origin = Origin.of(place.url, proxies=proxies)
        self._found: list[Any] = []
        self._socket: socket.socket | None = None
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._answer: AnswerHead
        self._asked_at = 0.0

    async def stages(self) -> AsyncIterator[Stage]:
        """One after the other; what comes after a failed one is not looked at."""
        looks: tuple[Callable[[], Awaitable[str]], ...] = (
            self._proxy,
            self._name,
            self._tcp,
            self._tls,
            self._edge,
            self._upgrade,
            self._clock,
        )
        stuck = False
        for (key, label), look in zip(STAGES, looks, strict=True):
            if stuck:
                yield Stage(key, label, "waiting", NOT_LOOKED_AT)
                continue
            try:
                yield Stage(key, label, "ok", await look())
            except CallFailed as failure:
                stuck = True
                yield Stage(key, label, "failed", str(failure), remedy(failure.kind, self._place))
            except Fault as fault:
                stuck = True
                yield Stage(key, label, "failed", str(fault), fault.fix)
        self._close()

    async def _proxy(self) -> str:
        if self._origin.proxy is None:
            if self._proxies.https is None:
                return "none is set (HTTPS_PROXY); the way is direct"
            row = self._proxies.why_direct(self._origin.host, self._origin.port)
            return f"{self._proxies.https} is not used: NO_PROXY has {row}"
        place = self._origin.authority
        self._socket = await open_through(self._origin.proxy, place, self._seconds)
        return f"{self._origin.proxy} leads to {place}"

    async def _name(self) -> str:
        if self._origin.proxy is not None:
            return f"the proxy looks up {self._origin.host}"
        host, port = self._origin.host, self._origin.port
        try:
            async with asyncio.timeout(self._seconds):
                self._found = await resolved(host, port)
        except TimeoutError:
            raise Fault(
                f"{host} is not found within {self._seconds:g} s: the DNS does not answer",
                "See that this cluster's DNS runs, and that this pod may ask it (NetworkPolicies).",
            ) from None
        except OSError as failure:
            raise unreachable(host, failure) from None
        shown = sorted({str(each[4][0]) for each in self._found})
        return f"{host} is {', '.join(shown)}"

    async def _tcp(self) -> str:
        if self._socket is not None:
            return "through the proxy"
        place, failure = self._origin.authority, OSError("it has no address")
        try:
            async with asyncio.timeout(self._seconds):
                for family, kind, protocol, _, where in self._found:
                    tried = socket.socket(family, kind, protocol)
                    tried.setblocking(False)
                    self._close()
                    self._socket = tried
                    try:
                        await asyncio.get_running_loop().sock_connect(tried, where)
                    except OSError as refusal:
                        failure = refusal
                    else:
                        return f"{where[0]} takes connections at port {where[1]}"
        except TimeoutError:
            raise silent(place, self._seconds) from None
        raise unreachable(place, failure)

    async def _tls(self) -> str:
        place = self._origin.authority
        try:
            trusting = ssl.create_default_context(cadata=self._place.ca_pem or None)
        except ssl.SSLError:
            fix = "Make a new join Secret; if it is the same, correct the control plane's CA."
            raise Fault("the CA in the join Secret cannot be read", fix) from None
        opening = asyncio.open_connection(
            sock=self._socket, ssl=trusting, server_hostname=self._origin.host
        )
        try:
            async with asyncio.timeout(self._seconds):
                self._reader, self._writer = await opening
        except TimeoutError:
            raise silent(place, self._seconds) from None
        except ssl.SSLCertVerificationError as failure:
            why, shown = unreachable(place, failure), await self._shown()
            raise CallFailed(f"{why}; {shown}" if shown else str(why), why.kind) from None
        except (ConnectionError, ssl.SSLEOFError):
            raise CallFailed(f"{place} hangs up while TLS begins", Trouble.CUT_TLS) from None
        except OSError as failure:
            raise unreachable(place, failure) from None
        whose = "the CA of the join Secret" if self._place.ca_pem else "a CA of the system"
        return f"verified by {whose}, {_good(self._writer.get_extra_info('peercert'))}"

    async def _shown(self) -> str:
        """What is shown there, by another connection."""
        self._close()
        self._socket = None
        try:
            await (self._tcp() if self._origin.proxy is None else self._proxy())
            async with asyncio.timeout(self._seconds):
                return await presented(cast(socket.socket, self._socket), self._origin.host)
        except (CallFailed, TimeoutError):
            return ""

    async def _edge(self) -> str:
        place, writer = self._origin.authority, cast(asyncio.StreamWriter, self._writer)
        asking = f"GET {JOIN_PATH} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\n\r\n"
        received = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                writer.write(asking.encode())
                while len(received) < _READ_BYTES and OURS not in received:
                    more = await self._reader.read(_READ_BYTES)
                    if not more:
                        break
                    received += more
        except TimeoutError:
            raise silent(place, self._seconds) from None
        except OSError as failure:
            raise unreachable(place, failure) from None
        self._asked_at = time.time()
        self._answer = _head(bytes(received), place)
        if OURS not in received:
            raise _stranger(self._answer, place)
        return f"a Neurox relay answers at {place}"

    async def _upgrade(self) -> str:
        """By a handshake that shows no key: who asks for one has understood it."""
        place = self._origin.authority
        origin = Origin.of(self._place.url, self._place.ca_pem or None, self._proxies)
        connection = await connect(origin, self._seconds)
        waiting = AwaitedHead(connection, place)
        connection.write(websocket.request(place, websocket.new_key(), "", "check"))
        try:
            async with asyncio.timeout(self._seconds):
                answer = await waiting.answer
        except TimeoutError:
            raise silent(place, self._seconds) from None
        finally:
            connection.cut()
        if barred.barred(answer.status, answer.headers):
            raise Fault(barred.words(answer.status), barred.FIX)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            raise _not_upgraded(answer)
        return f"the handshake of {PROTOCOL} reaches the relay-server"

    async def _clock(self) -> str:
        try:
            date = parsedate_to_datetime(self._answer.headers.get("date", "")).timestamp()
        except ValueError:
            return "not known: the answer has no date"
        ahead = self._asked_at - date
        says = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the control plane's"
        if abs(ahead) > SKEW_SECONDS:
            raise Fault(says, f"{CLOCK}; more than {SKEW_SECONDS} s are not put up with.")
        return says

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        elif self._socket is not None:
            self._socket.close()


def _good(certificate: Any) -> str:
    """Who signed it, and until when it is good."""
    issuer = dict(pair for row in certificate.get("issuer", ()) for pair in row)
    name = issuer.get("commonName") or issuer.get("organizationName") or "no name"
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    days = (until - datetime.now(UTC)).days
    return f"issued by {name}, valid until {until:%Y-%m-%d} ({days} days)"


def _head(received: bytes, place: str) -> AnswerHead:
    fix = "Is the address of the control plane right? Something else listens there."
    if not received:
        raise Fault(f"{place} closed without an answer", fix)
    try:
        raw = head.split(bytearray(received))
        if raw is None:
            raise head.HeadError("it is not whole")
        return head.answer(raw)
    except head.HeadError as failure:
        raise Fault(f"{place} does not answer in HTTP/1.1: {failure}", fix) from None


def _not_upgraded(answer: AnswerHead) -> Fault:
    """The handshake came to harm on its way, or is not that of this hub."""
    if answer.status == HTTPStatus.UPGRADE_REQUIRED:
        speaks = answer.headers.get("sec-websocket-protocol", "another protocol")[:60]
        return Fault(
            f"the hub speaks {speaks}, this relay-client {PROTOCOL}",
            "Upgrade the older of the two: the control plane first, then the clusters.",
        )
    return Fault(
        f"the WebSocket handshake is answered {answer.status}",
        "Have every proxy and load balancer on the way pass WebSocket upgrades on; if all do, "
        "look again in a minute, for a relay-server may just be starting anew.",
    )


def _stranger(answer: AnswerHead, place: str) -> Fault:
    """Something else than a relay-server has answered."""
    if barred.barred(answer.status, answer.headers):
        return Fault(barred.words(answer.status), barred.FIX)
    says = f"what answers at {place} is no Neurox relay (status {answer.status})"
    if 300 <= answer.status < 400:
        return Fault(
            f"{says}: it leads elsewhere, perhaps to a page to sign in",
            f"Have what stands before the control plane lead {JOIN_PATH} and all of /relay/ to "
            "the relay-server without a sign-in.",
        )
    return Fault(
        says,
        "Have what stands before the control plane lead /relay/ to the relay-server; is its "
        "address in the join Secret right, and does the relay-server run?",
    )
