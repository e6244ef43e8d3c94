"""What the world can reach: links, joins, metrics. Everything else does not exist."""

from http import HTTPStatus

from controllers.relay import websocket
from controllers.relay.barred import SERVER
from controllers.relay.exchange import Problem, Request
from controllers.relay.identity import WRITE
from controllers.relay.server.doorkeeper import Doorkeeper
from controllers.relay.server.gateway import Gateway
from controllers.relay.server.joining import JoinDesk
from controllers.relay.server.reception import Reception

WRITE_PATH = "/relay/v1/write"
JOIN_PATH = "/relay/v1/join"


class Public:
    """The public port's routes."""

    def __init__(
        self,
        replica: str,
        doorkeeper: Doorkeeper,
        reception: Reception,
        desk: JoinDesk,
        gate: Gateway,
    ) -> None:
        self._replica = replica
        self._doorkeeper = doorkeeper
        self._reception = reception
        self._desk = desk
        self._gateway = gate

    async def handle(self, request: Request) -> None:
        """Route by method and path; each answer shows that it is ours, and no edge's."""
        request.answer_headers[SERVER] = self._replica
        method, path = request.head.method, request.head.path
        if path == websocket.CONNECT_PATH and method == "GET":
            await self._reception.connect(request)
        elif path == WRITE_PATH and method == "POST":
            await self._gateway.write(request, await self._doorkeeper.admit(request, WRITE))
        elif path == JOIN_PATH and method == "POST":
            await self._desk.redeem(request)
        elif path == JOIN_PATH or path.startswith(JOIN_PATH + "/"):
            await self._desk.explain(request)
        else:
            raise Problem(HTTPStatus.NOT_FOUND, "there is nothing here")
