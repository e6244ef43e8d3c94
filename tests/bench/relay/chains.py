"""The two ways to the target: our relay, and nginx as the same two hops (plain, TLS, plain)."""

import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from load import Open

from tests.conftest import free_port

NGINX = """
daemon off; worker_processes 1; pid {folder}/{name}.pid; error_log {folder}/{name}.log warn;
load_module {module};
events {{ worker_connections 4096; }}
stream {{
  tcp_nodelay on;
  server {{ listen 127.0.0.1:{port}{listen}; proxy_pass 127.0.0.1:{to}; {more} }}
}}
"""
CIPHER = "TLS_AES_256_GCM_SHA384"


@dataclass
class Chain:
    """``open`` gives a connection to the target; ``pids`` are of the two sides."""

    name: str
    open: Open
    pids: tuple[int, ...]

    def cpu_seconds(self) -> list[float]:
        """By side."""
        return [_cpu(pid) for pid in self.pids]

    def resident(self) -> list[float]:
        """MiB by side."""
        return [_status(pid, "VmRSS") / 1024 for pid in self.pids]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def connected(port: int) -> socket.socket:
    """Plain TCP."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


@contextmanager
def target() -> Iterator[int]:
    """The target's port."""
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("target.py")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def nginx(pki: Path, to: int) -> Iterator[Chain]:
    """Two nginx with one worker each."""
    inner, outer = free_port(), free_port()
    cert = f"ssl_certificate {pki}/relay.crt; ssl_certificate_key {pki}/relay.key;"
    with tempfile.TemporaryDirectory(prefix="neurox-nginx-") as name:
        folder = Path(name)
        sides = [
            ("server", outer, "", inner, "proxy_ssl on; proxy_ssl_protocols TLSv1.3;"),
            ("client", inner, " ssl", to, f"{cert} ssl_protocols TLSv1.3;"),
        ]
        processes = []
        try:
            for side, port, listen, onwards, more in sides:
                text = NGINX.format(
                    folder=folder, name=side, port=port, listen=listen, to=onwards, more=more,
                    module="/usr/lib/nginx/modules/ngx_stream_module.so",
                )  # fmt: skip
                (folder / f"{side}.conf").write_text(text)
                command = ["nginx", "-p", name, "-c", f"{side}.conf", "-e", f"{name}/{side}.log"]
                processes.append(subprocess.Popen(command))
            for port in (inner, outer):
                _await_port(port)
            workers = tuple(_child(process.pid) for process in processes)
            yield Chain("nginx", lambda: connected(outer), workers)
        finally:
            for process in processes:
                process.terminate()
                process.wait(10)


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _await_port(port: int) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            connected(port).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def relay_open(port: int, token: str, cluster_id: str) -> socket.socket:
    """A stream by CONNECT."""
    sock = connected(port)
    authority = f"manager.{cluster_id}.relay:443"
    sock.sendall(
        f"CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n"
        f"proxy-authorization: Bearer {token}\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = sock.recv(4096)
        if not data:
            raise ConnectionError("the relay closed without an answer")
        answer += data
    if b" 200 " not in answer.split(b"\r\n")[0]:
        raise ConnectionError(answer.decode())
    return sock


def tls13(certificate: Path) -> ssl.SSLContext:
    """For a client that checks."""
    return ssl.create_default_context(cafile=str(certificate))
