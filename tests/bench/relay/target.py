"""What stands behind the chain: a blocking server that sends, takes, and answers small requests.

A request is one line: ``D n`` wants n bytes, ``U n`` announces n bytes and gets one when all have
come, ``R`` gets 200 bytes, ``E`` returns what comes until its end. One thread for each connection.
"""

import os
import socket
import sys
import tempfile
import threading

SMALL = b"{" + b"x" * 197 + b"}\n"
BLOCK = 1 << 20


def main() -> None:
    """Serve until ended; the port is printed."""
    server = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(server.getsockname()[1], flush=True)
    with tempfile.TemporaryFile() as block:
        block.truncate(BLOCK)
        while True:
            accepted, _ = server.accept()
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(accepted, block.fileno()), daemon=True).start()


def serve(sock: socket.socket, block: int) -> None:
    """One connection."""
    buffer = bytearray(1 << 18)
    try:
        with sock:
            while line := request(sock):
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


def request(sock: socket.socket) -> bytes:
    """The line; callers wait for the answer, so nothing follows but an announced body."""
    line = b""
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
