"""Ways to tell that a server is ready; each answers at once or raises OSError: not yet."""

import http.client
import socket
from collections.abc import Callable

from infra.local.ports import LOOPBACK

TIMEOUT_SECONDS = 1.0


def http_ok(port: int, path: str) -> Callable[[], bool]:
    """A plain HTTP GET on the loopback interface answers 200."""

    def check() -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    return check


def redis_pong(port: int, password: str) -> Callable[[], bool]:
    """Redis takes the password and answers PING: it has loaded its append-only file."""

    def check() -> bool:
        with socket.create_connection((LOOPBACK, port), TIMEOUT_SECONDS) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            connection.settimeout(TIMEOUT_SECONDS)
            answer = b""
            while answer.count(b"\r\n") < 2:
                part = connection.recv(256)
                if not part:
                    return False
                answer += part
            return answer == b"+OK\r\n+PONG\r\n"

    return check
