"""The ways to the target: nginx as the same two hops (plain, TLS, plain), Caddy, and none."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import free_port
from tests.controllers.relay.raw import head_of

CIPHER = "TLS_AES_256_GCM_SHA384"
"""Of Python and nginx alike; nginx is told, of ours it is asserted."""
MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
MISSING = (
    "the rival is nginx with its stream module: apt-get install nginx-light libnginx-mod-stream"
)
NGINX = """
daemon off; worker_processes 1; pid {folder}/{name}.pid; error_log {folder}/{name}.log warn;
load_module {module};
events {{ worker_connections 4096; }}
stream {{
  tcp_nodelay on;
  server {{ listen 127.0.0.1:{port}{listen}; proxy_pass 127.0.0.1:{to}; {more} }}
}}
"""
TLS_OUT = f"""proxy_ssl on; proxy_ssl_protocols TLSv1.3;
  proxy_ssl_conf_command Ciphersuites {CIPHER};"""
TLS_IN = f"""ssl_certificate {{pki}}/relay.crt; ssl_certificate_key {{pki}}/relay.key;
  ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites {CIPHER};"""
CADDYFILE = """
{{
  admin off
  persist_config off
  skip_install_trust
  auto_https disable_redirects
  storage file_system {folder}/caddy
}}
https://127.0.0.1:{port} {{
  tls {pki}/relay.crt {pki}/relay.key
  reverse_proxy 127.0.0.1:{to}
}}
"""


class Absent(Exception):
    """Something is not installed; the message says what to do."""


@dataclass(frozen=True)
class Chain:
    """``port`` leads to the target once ``greeting`` is answered; ``pids``: server and client."""

    port: int
    greeting: bytes = b""
    pids: tuple[int, ...] = ()

    def open(self) -> socket.socket:
        """A connection to the target."""
        sock = connected(self.port)
        if self.greeting:
            sock.sendall(self.greeting)
            check_greeted(head_of(sock))
        return sock

    def cpu_seconds(self) -> tuple[float, ...]:
        """By side."""
        return tuple(_cpu(pid) for pid in self.pids)


def check_greeted(head: str) -> None:
    """ConnectionError when that head is no consent."""
    if head.split(" ")[1:2] != ["200"]:
        raise ConnectionError(head or "closed without an answer")


def resident(pid: int) -> int:
    """Bytes."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connected(port: int) -> socket.socket:
    """Plain TCP."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


@contextmanager
def running(*words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the block."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def target() -> Iterator[int]:
    """The target's port."""
    with running(sys.executable, Path(__file__).with_name("target.py")) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def check_nginx() -> None:
    """Absent when there is no rival to measure."""
    if shutil.which("nginx") is None or not MODULE.exists():
        raise Absent(MISSING)


@contextmanager
def nginx(folder: Path, pki: Path, to: int) -> Iterator[Chain]:
    """Two nginx with one worker each."""
    inner, outer = free_port(), free_port()
    sides = (
        ("client", inner, " ssl", to, TLS_IN.format(pki=pki)),
        ("server", outer, "", inner, TLS_OUT),
    )
    with ExitStack() as stack:
        workers = []
        for name, port, listen, onwards, more in sides:
            text = NGINX.format(
                folder=folder,
                name=name,
                module=MODULE,
                port=port,
                listen=listen,
                to=onwards,
                more=more,
            )
            (folder / f"{name}.conf").write_text(text)
            command = ("nginx", "-p", folder, "-c", f"{name}.conf", "-e", folder / f"{name}.log")
            process = stack.enter_context(running(*command))
            await_port(port)
            workers.append(_child(process.pid))
        yield Chain(outer, pids=tuple(reversed(workers)))


@contextmanager
def caddy(program: Path, folder: Path, pki: Path, to: int) -> Iterator[int]:
    """Caddy's port, where TLS ends; behind it ``to``."""
    port = free_port()
    file = folder / "Caddyfile"
    file.write_text(CADDYFILE.format(folder=folder, pki=pki, port=port, to=to))
    with running(program, "run", "--config", file, "--adapter", "caddyfile"):
        await_port(port)
        yield port


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def await_port(port: int) -> None:
    """Return once somebody listens."""
    until = time.monotonic() + 10
    while True:
        try:
            connected(port).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
