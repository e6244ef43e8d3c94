"""Metrics in: remote write of a proven cluster, passed on under the cluster's own tenant."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Container
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from controllers.relay.call import Answer, Call, CallFailed, HttpClient, Origin
from controllers.relay.exchange import Problem, Request
from controllers.relay.identity import Proof
from controllers.relay.limits import Allowance

log = logging.getLogger(__name__)
RECEIVE_SECONDS = 30.0
# All other headers, any tenant among them, stay outside.
INWARDS = (
    "content-type",
    "content-encoding",
    "user-agent",
    "x-prometheus-remote-write-version",
)
OUTWARDS = (
    "content-type",
    "retry-after",
    "x-prometheus-remote-write-samples-written",
    "x-prometheus-remote-write-histograms-written",
    "x-prometheus-remote-write-exemplars-written",
)


@dataclass(frozen=True)
class Write:
    """How a cluster's last metrics were answered; epoch seconds."""

    at: float
    status: int
    taken_at: float | None = None
    """When any were last taken."""


class Gateway:
    """Passes bodies on as a stream; they are never decoded here."""

    def __init__(
        self, receive_url: str, tenant_header: str, allowance: Allowance | None = None
    ) -> None:
        self._allowance = allowance or Allowance()
        self._tenant_header = tenant_header
        parts = urlsplit(receive_url)
        self._client = HttpClient(Origin.of(receive_url))
        self._path = parts.path or "/"
        self._in_flight: defaultdict[str, dict[Request, str]] = defaultdict(dict)
        """By cluster: writes that are under way, each with the id of the key that signed for it."""
        self.requests: Counter[tuple[str, int]] = Counter()
        """By cluster and status."""
        self.bytes: Counter[str] = Counter()
        """By cluster."""
        self.last: dict[str, Write] = {}
        """By cluster."""

    async def write(self, request: Request, proof: Proof) -> None:
        """Answer what the store answers; 413, 411 or 503 of our own."""
        if request.head.length() is None:
            raise Problem(HTTPStatus.LENGTH_REQUIRED, "send the body with Content-Length")
        most = self._allowance
        if request.body.length > most.write_bytes:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"a write has at most {most.write_bytes} bytes",
            )
        if len(self._in_flight[proof.cluster_id]) >= most.writes:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{most.writes} writes of this cluster are under way",
                retry_after=1,
            )
        self._in_flight[proof.cluster_id][request] = proof.kid
        try:
            answer = await self._passed_on(request, proof.cluster_id)
        finally:
            del self._in_flight[proof.cluster_id][request]
        self._answered(proof.cluster_id, answer.status)
        self.bytes[proof.cluster_id] += request.body.length
        back = {name: answer.headers[name] for name in OUTWARDS if name in answer.headers}
        request.answer(answer.status, answer.body, back)

    @property
    def writing(self) -> list[str]:
        """The clusters whose writes are under way."""
        return [cluster_id for cluster_id, writes in self._in_flight.items() if writes]

    def cut(self, cluster_id: str, good: Container[str]) -> int:
        """End the cluster's writes that were let in by a key that is not ``good``: the store gets
        no whole request, and takes nothing of it. How many there were."""
        writes = self._in_flight.get(cluster_id, {})
        gone = [
            request
            for request, kid in writes.items()
            if kid not in good and not request.connection.closed
        ]
        for request in gone:
            request.connection.cut()
        return len(gone)

    def close(self) -> None:
        """Let go of the store."""
        self._client.close()

    def _answered(self, cluster_id: str, status: int) -> None:
        self.requests[cluster_id, status] += 1
        now, former = time.time(), self.last.get(cluster_id)
        taken = now if status < 300 else former.taken_at if former else None
        self.last[cluster_id] = Write(now, status, taken)

    async def _passed_on(self, request: Request, cluster_id: str) -> Answer:
        sent = request.head.headers
        headers = {name: sent[name] for name in INWARDS if name in sent}
        headers[self._tenant_header] = cluster_id
        call = Call("POST", self._path, headers, request.body.chunks(), request.body.length)
        try:
            return await self._client.send(call, RECEIVE_SECONDS)
        except CallFailed as failure:
            log.warning("metrics of cluster %s were not taken: %s", cluster_id, failure)
            self._answered(cluster_id, 503)
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "the metrics store does not answer", retry_after=5
            ) from None
