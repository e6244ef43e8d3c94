"""Free loopback ports, remembered by name so that addresses stay the same from run to run."""

import errno
import secrets
import socket

from infra.local.errors import CONFLICT, LocalError

LOOPBACK = "127.0.0.1"
LOWEST, HIGHEST = 20_000, 32_000
"""Below Linux's ephemeral ports, so that no outgoing connection takes one between two starts."""
HTTP = 8080
HTTP_TRIES = 100


class Ports:
    """Hands out ports; ``known`` is changed in place and saved by its owner."""

    def __init__(self, known: dict[str, int]) -> None:
        self._known = known
        self._given: set[int] = set()
        self._claims: list[socket.socket] = []

    def get(self, name: str) -> int:
        """The port of that name: the remembered one while it is free, else a new one."""
        port = self._known.get(name)
        if port is None or port in self._given or not is_free(port) or not self._claim(port):
            port = self._any()
        return self._give(name, port)

    def http(self, strict: int | None) -> int:
        """The portal's port: ``strict`` or a refusal; else the remembered, 8080, 8081, ..."""
        if strict is not None:
            refuse_taken(strict)
            if not self._claim(strict):
                raise LocalError(f"port {strict} is another starting neurox's.", CONFLICT)
            return self._give("http", strict)
        wanted = [self._known.get("http", HTTP), *range(HTTP, HTTP + HTTP_TRIES)]
        for port in wanted:
            if port not in self._given and is_free(port) and self._claim(port):
                return self._give("http", port)
        raise LocalError(
            f"no free port from {HTTP} to {HTTP + HTTP_TRIES - 1}; choose one by --port.", CONFLICT
        )

    def _claim(self, port: int) -> bool:
        """Keep it from another `up` until our server listens, some seconds from now.

        By a socket of the abstract namespace: no file is left, the kernel frees it with us.
        """
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0neurox-port-{port}")
        except OSError:
            claim.close()
            return False
        self._claims.append(claim)
        return True

    def _any(self) -> int:
        reserved = self._given | set(self._known.values())
        for _ in range(1000):
            port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
            if port not in reserved and is_free(port) and self._claim(port):
                return port
        raise LocalError(f"no free port between {LOWEST} and {HIGHEST} on {LOOPBACK}.", CONFLICT)

    def _give(self, name: str, port: int) -> int:
        self._given.add(port)
        self._known[name] = port
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen there now, as servers do it (SO_REUSEADDR)."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise LocalError(f"port {port} needs more rights; choose one above 1023.") from None
            return False
        try:
            trial.listen(1)
        except OSError:
            return False
        return True


def refuse_taken(port: int) -> None:
    """LocalError naming who listens on that port of the portal."""
    if not is_free(port):
        raise LocalError(
            f"port {port} is taken{by_whom(port)}; stop that, or start again without --port for "
            "the next free one.",
            CONFLICT,
        )


def by_whom(port: int) -> str:
    """`` by NAME (pid N)`` of the process listening there, empty when it cannot be told."""
    import psutil

    try:
        for one in psutil.net_connections("tcp"):
            listens = one.status == psutil.CONN_LISTEN and one.laddr and one.laddr[1] == port
            if listens and one.pid:
                return f" by {psutil.Process(one.pid).name()} (pid {one.pid})"
    except psutil.Error:
        return ""
    return ""


def address(port: int) -> str:
    """``host:port`` on the loopback interface."""
    return f"{LOOPBACK}:{port}"
