"""What stands behind the chain: a server that sends, takes, and answers small requests.

A request is one line: ``D n`` wants n bytes, ``U n`` announces n bytes and gets one when all have
come, ``R`` gets 200 bytes, ``E`` returns what comes until its end. Small requests are answered in
one thread, for a thread a connection costs more than what is measured; each other has its own.
"""

import os
import select
import socket
import sys
import tempfile
import threading

SMALL = b"{" + b"x" * 197 + b"}\n"
ASKED = b"R\n"
BLOCK = 1 << 20


def main() -> None:
    """Serve until ended; the port is printed."""
    server = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(server.getsockname()[1], flush=True)
    waiting: dict[int, socket.socket] = {}
    with tempfile.TemporaryFile() as block, select.epoll() as ready:
        block.truncate(BLOCK)
        ready.register(server, select.EPOLLIN)
        while True:
            for number, _ in ready.poll():
                if number == server.fileno():
                    accepted, _ = server.accept()
                    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    ready.register(accepted, select.EPOLLIN)
                    waiting[accepted.fileno()] = accepted
                    continue
                begun = answer(waiting[number])
                if begun == b"":
                    waiting.pop(number).close()
                elif begun is not None:
                    ready.unregister(number)
                    more = (waiting.pop(number), begun, block.fileno())
                    threading.Thread(target=serve, args=more, daemon=True).start()


def answer(sock: socket.socket) -> bytes | None:
    """Answer what is small; else what has been read of it, nothing at the end."""
    try:
        begun = sock.recv(len(ASKED))
        if begun != ASKED:
            return begun
        sock.sendall(SMALL)
    except OSError:
        return b""
    return None


def serve(sock: socket.socket, begun: bytes, block: int) -> None:
    """A connection that wants more than small things."""
    buffer = bytearray(1 << 18)
    try:
        with sock:
            while line := request(sock, begun):
                begun = b""
                kind, _, amount = line.partition(b" ")
                if kind == b"R":
                    sock.sendall(SMALL)
                elif kind == b"D":
                    send(sock, block, int(amount))
                elif kind == b"U":
                    take(sock, buffer, int(amount))
                    sock.sendall(b"k")
                else:
                    while size := sock.recv_into(buffer):
                        sock.sendall(memoryview(buffer)[:size])
    except OSError:
        pass


def request(sock: socket.socket, line: bytes) -> bytes:
    """The line; callers wait for the answer, so nothing follows but an announced body."""
    while not line.endswith(b"\n"):
        # One read is one line, unless a body follows: its bytes are not to be taken here.
        data = sock.recv(64, socket.MSG_PEEK)
        if not data:
            return b""
        end = data.find(b"\n") + 1
        line += sock.recv(end or len(data))
    return line.strip()


def send(sock: socket.socket, block: int, amount: int) -> None:
    """Without the bytes passing through this process."""
    while amount:
        amount -= os.sendfile(sock.fileno(), block, 0, min(amount, BLOCK))


def take(sock: socket.socket, buffer: bytearray, amount: int) -> None:
    """Read and forget."""
    while amount:
        size = sock.recv_into(buffer, min(amount, len(buffer)))
        if not size:
            raise ConnectionError
        amount -= size


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
