"""A hostile peer's tools: TLS sockets by hand, and frames that no honest client would send."""

import socket
import ssl
import time
from contextlib import suppress
from typing import Any

import requests

from controllers.relay import websocket
from controllers.relay.identity import CONNECT, WRITE, PrivateKey


def tls(hub: Any) -> ssl.SSLSocket:
    """A TLS connection to the public port; nothing is said on it yet."""
    context = ssl.create_default_context(cafile=hub.ca)
    plain = socket.create_connection(("127.0.0.1", hub.port), timeout=15)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def head_of(sock: socket.socket) -> str:
    """The head of the answer; empty when the server closes without one."""
    received = b""
    with suppress(ConnectionError):
        while b"\r\n\r\n" not in received:
            data = sock.recv(1)
            if not data:
                return ""
            received += data
    return received.decode("latin-1")


def ask(hub: Any, request: bytes) -> int:
    """The status that a request gets; 0 when the server closes without an answer."""
    with tls(hub) as sock:
        sock.sendall(request)
        head = head_of(sock)
    return int(head.split(" ")[1]) if head else 0


def connect(hub: Any, cluster_id: str, key: PrivateKey) -> int:
    """The status that a handshake gets."""
    token = key.token(cluster_id, CONNECT, time.time())
    return ask(hub, websocket.request("hub", websocket.new_key(), token, "hostile"))


def write(hub: Any, cluster_id: str, key: PrivateKey, length: int = 1) -> bytes:
    """The head of a write whose body has that length."""
    token = key.token(cluster_id, WRITE, time.time())
    lines = ("POST /relay/v1/write HTTP/1.1", "host: hub", f"authorization: Bearer {token}")
    return "\r\n".join((*lines, f"content-length: {length}", "", "")).encode()


def link(hub: Any, cluster_id: str, key: PrivateKey) -> ssl.SSLSocket:
    """A link that the server has accepted; its hello is read."""
    sock = tls(hub)
    token = key.token(cluster_id, CONNECT, time.time())
    sock.sendall(websocket.request("hub", websocket.new_key(), token, "hostile"))
    head = head_of(sock)
    assert " 101 " in head, head
    first, second = sock.recv(2)
    assert first == 0x81
    length = second if second < 126 else int.from_bytes(sock.recv(2), "big")
    while length:
        length -= len(sock.recv(length))
    return sock


def redeem(hub: Any, token: str, key: PrivateKey, uid: str = "uid-1") -> tuple[int, str]:
    """Status and sentence (or cluster id) of the exchange that the relay-client makes."""
    body = {"token": token, "public_key": key.public, "cluster_uid": uid, "version": "t"}
    answer = requests.post(hub.url + "/relay/v1/join", json=body, timeout=10, verify=hub.ca)
    document = answer.json()
    return answer.status_code, document.get("cluster_id") or document["detail"]


def pong(sock: socket.socket) -> bytes:
    """What the next pong carries; the server's own pings, which come before it, are passed over."""
    while True:
        first, size = sock.recv(2)
        payload = sock.recv(size)
        if first != 0x89:
            assert first == 0x8A, hex(first)
            return payload


def masked(first: int, payload: bytes = b"", length: int | None = None) -> bytes:
    """A client's frame with an all-zero mask; ``length`` may lie."""
    size = len(payload) if length is None else length
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65536:
        head = bytes((first, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


def closed_within(sock: socket.socket, seconds: float) -> bool:
    """Whether the server ends the connection in time, whatever it says before that."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            if not sock.recv(65536):
                return True
        except TimeoutError:
            return False
        except OSError:
            return True
    return False
