"""The addresses of a name, asked for without waiting for a DNS that is silent."""

import asyncio
import socket
import threading
from typing import Any


async def resolved(host: str, port: int) -> list[Any]:
    """As the system finds them; OSError. By a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Any]] = loop.create_future()

    def tell(rows: list[Any], failure: Exception | None) -> None:
        if found.done():
            return
        if failure is None:
            found.set_result(rows)
        else:
            found.set_exception(failure)

    def ask() -> None:
        rows, failure = [], None
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failure = error if isinstance(error, OSError) else OSError("it is no name of a host")
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, rows, failure)

    threading.Thread(target=ask, daemon=True).start()
    return await found
