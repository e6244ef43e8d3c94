"""What only the control plane can reach: streams to clusters, health, metrics."""

from collections.abc import Callable
from http import HTTPStatus

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from controllers.relay.exchange import Problem, Request
from controllers.relay.server.tunnel import Tunnel


class Internal:
    """The internal port's routes."""

    def __init__(
        self, tunnel: Tunnel, metrics: CollectorRegistry, unready: Callable[[], str | None]
    ) -> None:
        self._tunnel = tunnel
        self._metrics = metrics
        self._unready = unready

    async def handle(self, request: Request) -> None:
        """Route by method and path."""
        if request.head.method == "CONNECT":
            await self._tunnel.connect(request)
            return
        match request.head.method, request.head.path:
            case "GET", "/healthz":
                request.answer(HTTPStatus.OK, b"ok\n", {"content-type": "text/plain"})
            case "GET", "/readyz":
                reason = self._unready()
                if reason is not None:
                    raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, reason)
                request.answer(HTTPStatus.OK, b"ok\n", {"content-type": "text/plain"})
            case "GET", "/metrics":
                text = generate_latest(self._metrics)
                request.answer(HTTPStatus.OK, text, {"content-type": CONTENT_TYPE_LATEST})
            case _:
                raise Problem(HTTPStatus.NOT_FOUND, "there is nothing here")
