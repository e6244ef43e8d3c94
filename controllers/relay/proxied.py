"""A socket that an HTTP proxy has led to its place, by CONNECT."""

import asyncio
import socket
from http import HTTPStatus

from controllers.environment import Address
from controllers.relay import head
from controllers.relay.proxy import Proxy
from controllers.relay.trouble import CallFailed, Trouble, silent, unreachable

_READ_BYTES = 4096


async def open_through(proxy: Proxy, place: str, seconds: float) -> socket.socket:
    """A socket to ``place``, HOST:PORT, whose name the proxy looks up; CallFailed."""
    try:
        async with asyncio.timeout(seconds):
            connected = await _connected(proxy.address)
            try:
                answer = await _asked(connected, proxy, place)
                if answer.status != HTTPStatus.OK:
                    raise _refused(proxy, place, answer.status)
            except BaseException:
                connected.close()
                raise
            return connected
    except TimeoutError:
        raise CallFailed(str(silent(f"{proxy}", seconds)), Trouble.PROXY) from None
    except OSError as failure:
        raise CallFailed(str(unreachable(f"{proxy}", failure)), Trouble.PROXY) from None


async def _connected(address: Address) -> socket.socket:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    failure = OSError(f"{address.host} has no address")
    for family, kind, protocol, _, where in found:
        connecting = socket.socket(family, kind, protocol)
        connecting.setblocking(False)
        try:
            await loop.sock_connect(connecting, where)
        except OSError as refusal:
            connecting.close()
            failure = refusal
        except BaseException:
            connecting.close()
            raise
        else:
            return connecting
    raise failure


async def _asked(connected: socket.socket, proxy: Proxy, place: str) -> head.AnswerHead:
    loop = asyncio.get_running_loop()
    lines = [f"CONNECT {place} HTTP/1.1", f"host: {place}"]
    if proxy.authorization:
        lines.append(f"proxy-authorization: {proxy.authorization}")
    await loop.sock_sendall(connected, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    received = bytearray()
    try:
        while (raw := head.split(received)) is None:
            more = await loop.sock_recv(connected, _READ_BYTES)
            if not more:
                raise CallFailed(f"{proxy} closed without an answer", Trouble.PROXY)
            received += more
        return head.answer(raw)
    except head.HeadError:
        raise CallFailed(f"{proxy} does not answer as an HTTP proxy", Trouble.PROXY) from None


def _refused(proxy: Proxy, place: str, status: int) -> CallFailed:
    """In words; what the proxy's page says is not for a log."""
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        shown = "refuses the" if proxy.authorization else "wants a"
        return CallFailed(f"{proxy} {shown} user and password (407)", Trouble.PROXY_SIGN_IN)
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.UNAUTHORIZED):
        return CallFailed(f"{proxy} does not let us to {place} ({status})", Trouble.PROXY_FORBIDS)
    return CallFailed(f"{proxy} cannot reach {place} ({status})", Trouble.PROXY)
