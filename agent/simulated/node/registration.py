"""Keeps the plugin known to the kubelet, which forgets it and empties the folder on each start."""

import asyncio
import logging
from pathlib import Path

from grpclib.server import Server

from agent.protobuf import field
from agent.simulated.node.plugin import OPTIONS, RESOURCE, VERSION, Plugin, Raw
from agent.unary import CallFailed, UnaryChannel

log = logging.getLogger(__name__)

ENDPOINT = "neurox-simulated.sock"
KUBELET = "kubelet.sock"
REGISTER = f"/{VERSION}.Registration/Register"
_TIMEOUT_SECONDS = 10.0
_Identity = tuple[int, int, int]


class Registration:
    """``step`` does what is missing: listens, and tells the kubelet where."""

    def __init__(self, folder: Path, plugin: Plugin) -> None:
        self._socket, self._kubelet = folder / ENDPOINT, folder / KUBELET
        self._plugin = plugin
        self._server: Server | None = None
        self._told: _Identity | None = None
        self._failing = False

    async def step(self) -> None:
        """Nothing, as long as the kubelet's socket and ours are those of the last registration."""
        kubelet = _identity(self._kubelet)
        if kubelet is None or (kubelet == self._told and self._socket.exists()):
            return
        await self.close()
        server = Server([self._plugin], codec=Raw())
        try:
            await server.start(path=str(self._socket))
            self._server = server
            # The kubelet calls back before it answers.
            await asyncio.to_thread(_register, self._kubelet)
        except (OSError, CallFailed) as error:
            if not self._failing:
                log.warning("registration: %s", error)
            self._failing = True
            return
        self._told, self._failing = kubelet, False
        log.info("%s is registered with the kubelet", RESOURCE)

    async def close(self) -> None:
        """Stop listening; the kubelet then counts the devices as gone."""
        self._told = None
        if self._server is not None:
            self._socket.unlink(missing_ok=True)
            self._server.close()
            await self._server.wait_closed()
            self._server = None


def _register(kubelet: Path) -> None:
    request = (
        field(1, VERSION.encode())
        + field(2, ENDPOINT.encode())
        + field(3, RESOURCE.encode())
        + field(4, OPTIONS)
    )
    channel = UnaryChannel(kubelet, _TIMEOUT_SECONDS)
    try:
        channel.call(REGISTER, request)
    finally:
        channel.close()


def _identity(path: Path) -> _Identity | None:
    """Tells a socket from the one that was there before it; None while there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    # A new file may well get the number of the one that was deleted.
    return status.st_dev, status.st_ino, status.st_ctime_ns
