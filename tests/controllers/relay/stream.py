"""A stream by hand: CONNECT on the relay-server's internal port."""

import socket
from typing import Any

SERVICE_TOKEN = "the-service-token"


def connect(hub: Any, authority: str, token: str = SERVICE_TOKEN) -> tuple[socket.socket, str]:
    """The socket, and the status line of the answer."""
    sock = socket.create_connection(("127.0.0.1", hub.internal), timeout=15)
    head = f"CONNECT {authority} HTTP/1.1\r\nproxy-authorization: Bearer {token}\r\n\r\n"
    sock.sendall(head.encode())
    received = b""
    while b"\r\n\r\n" not in received:
        data = sock.recv(4096)
        assert data, "closed without an answer"
        received += data
    return sock, received.partition(b"\r\n")[0].decode()


def opened(site: Any) -> socket.socket:
    """A stream to that cluster's manager."""
    sock, line = connect(site.hub, f"manager.{site.cluster_id}.relay:443")
    if " 200 " not in line:
        sock.close()
        raise AssertionError(line)
    return sock
