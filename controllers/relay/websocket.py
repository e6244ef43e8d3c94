"""The opening handshake of a link: what the client asks and what the server answers. No I/O."""

import base64
import binascii
import hashlib
import os
from email.utils import formatdate
from http import HTTPStatus
from importlib.metadata import version

from controllers.relay.barred import SERVER
from controllers.relay.exchange import Problem
from controllers.relay.head import AnswerHead, RequestHead
from controllers.relay.limits import PROTOCOL

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONNECT_PATH = "/relay/v1/connect"
AGENT = "neurox-relay-client"
_VERSION = version("neurox")


def new_key() -> str:
    """The client's nonce."""
    return base64.b64encode(os.urandom(16)).decode()


def accept(key: str) -> str:
    """What proves that the server speaks WebSocket."""
    return base64.b64encode(
        hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False).digest()
    ).decode()


def request(authority: str, key: str, token: str, instance: str) -> bytes:
    """The client's request; no extensions, so no compression."""
    lines = (
        f"GET {CONNECT_PATH} HTTP/1.1",
        f"host: {authority}",
        "connection: Upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        f"sec-websocket-key: {key}",
        f"sec-websocket-protocol: {PROTOCOL}",
        f"authorization: Bearer {token}",
        f"x-neurox-instance: {instance}",
        f"user-agent: {AGENT}/{_VERSION}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def check(asked: RequestHead) -> str:
    """The client's nonce of a request that is right; Problem (400 or 426) when it is not."""
    headers = asked.headers
    if headers.get("upgrade", "").lower() != "websocket" or "upgrade" not in _words(
        headers.get("connection", "").lower()
    ):
        raise Problem(HTTPStatus.BAD_REQUEST, "this path wants a WebSocket upgrade")
    offered = headers.get("sec-websocket-protocol", "")
    if headers.get("sec-websocket-version") != "13" or PROTOCOL not in _words(offered):
        raise Problem(
            HTTPStatus.UPGRADE_REQUIRED,
            f"this server speaks {PROTOCOL} over WebSocket version 13",
            headers={"sec-websocket-version": "13", "sec-websocket-protocol": PROTOCOL},
        )
    key = headers.get("sec-websocket-key", "")
    try:
        nonce = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        nonce = b""
    if len(nonce) != 16:
        raise Problem(HTTPStatus.BAD_REQUEST, "Sec-WebSocket-Key is not 16 bytes in base64")
    return key


def switching(key: str, replica: str) -> bytes:
    """The server's consent."""
    lines = (
        "HTTP/1.1 101 Switching Protocols",
        f"date: {formatdate(usegmt=True)}",
        "connection: Upgrade",
        "upgrade: websocket",
        f"sec-websocket-accept: {accept(key)}",
        f"sec-websocket-protocol: {PROTOCOL}",
        f"{SERVER}: {replica}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def consented(answer: AnswerHead, key: str) -> bool:
    """Whether the server switched to our protocol, and nothing else."""
    headers = answer.headers
    return (
        answer.status == 101
        and headers.get("upgrade", "").lower() == "websocket"
        and headers.get("sec-websocket-accept") == accept(key)
        and headers.get("sec-websocket-protocol") == PROTOCOL
        and "sec-websocket-extensions" not in headers
    )


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",")]
