"""Metrics out: what the cluster's Prometheus writes here goes to the hub, signed."""

import time
from collections import Counter
from http import HTTPStatus

from controllers.relay import barred
from controllers.relay.call import Call, CallFailed, HttpClient, Origin
from controllers.relay.client.clock import Clock
from controllers.relay.client.keyring import Member
from controllers.relay.client.standing import Written
from controllers.relay.exchange import Problem, Request
from controllers.relay.identity import WRITE
from controllers.relay.limits import WRITE_BYTES

WRITE_PATH = "/relay/v1/write"
HUB_SECONDS = 45.0
_SENT = ("content-type", "content-encoding", "user-agent", "x-prometheus-remote-write-version")
_BACK = (
    "content-type",
    "retry-after",
    "x-prometheus-remote-write-samples-written",
    "x-prometheus-remote-write-histograms-written",
    "x-prometheus-remote-write-exemplars-written",
)
# Prometheus throws samples away on anything but 2xx and 5xx; these alone say that it may.
ABOUT_SAMPLES = frozenset({400, 409, 413, 422})


class MetricsOut:
    """Forwards each write with a token of its own; nothing is stored here."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._member: Member | None = None
        self._origin: Origin | None = None
        self._client: HttpClient | None = None
        self.requests: Counter[int] = Counter()
        """By status."""
        self.last: Written | None = None
        """As who we are now; None before the first."""

    def use(self, member: Member, origin: Origin) -> None:
        """Write as this member, and there, from now on; a new key alone ends no write."""
        self._member, self.last = member, None
        if origin is self._origin:
            return
        self.close()
        self._origin = origin
        self._client = HttpClient(origin)

    def close(self) -> None:
        """Let go of the hub."""
        if self._client is not None:
            self._client.close()

    async def write(self, request: Request) -> None:
        """Answer what the hub answers; 503, so that Prometheus keeps its samples, if it cannot."""
        member, client = self._member, self._client
        if member is None or client is None:
            raise _later("this cluster has not joined yet")
        if request.body.length > WRITE_BYTES:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a write has at most 32 MiB")
        sent = request.head.headers
        headers = {name: sent[name] for name in _SENT if name in sent}
        token = member.key.token(member.cluster_id, WRITE, self._clock.now())
        headers["authorization"] = f"Bearer {token}"
        body = request.body
        try:
            answer = await client.send(
                Call("POST", WRITE_PATH, headers, body.chunks(), body.length), HUB_SECONDS
            )
        except CallFailed as failure:
            self._note(member, Written(503, time.time(), str(failure)))
            raise _later(str(failure)) from None
        foreign = barred.barred(answer.status, answer.headers)
        said = barred.words(answer.status) if foreign else answer.detail
        self._note(member, Written(answer.status, time.time(), said, foreign))
        if 300 <= answer.status < 500 and answer.status not in ABOUT_SAMPLES:
            self._clock.observe(answer.headers.get("date"))
            raise _later(said if foreign else f"the hub answered {answer.status}")
        back = {name: answer.headers[name] for name in _BACK if name in answer.headers}
        request.answer(answer.status, answer.body, back)

    def _note(self, member: Member, written: Written) -> None:
        self.requests[written.status] += 1
        if member is self._member:  # the former key's answer says nothing of the one in use
            self.last = written


def _later(words: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, words, retry_after=5)
