import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.local import relay_pki

NOW = datetime.now(UTC)


def test_a_client_that_trusts_the_ca_trusts_the_relay(tmp_path: Path) -> None:
    relay_pki.ensure(tmp_path, NOW)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "relay.crt", tmp_path / "relay.key")
    client = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with server.wrap_socket(theirs, server_side=True) as one:
            one.sendall(b"hello")

    thread = threading.Thread(target=serve)
    thread.start()
    with client.wrap_socket(ours, server_hostname="127.0.0.1") as other:
        assert other.recv(5) == b"hello"
    thread.join(timeout=5)


def test_keys_are_their_owners_and_survive_the_next_start(tmp_path: Path) -> None:
    relay_pki.ensure(tmp_path, NOW)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"ca.crt", "ca.key", "relay.crt", "relay.key"}
    assert (tmp_path / "ca.key").stat().st_mode & 0o777 == 0o600
    relay_pki.ensure(tmp_path, NOW)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_certificate_that_runs_out_is_renewed_under_the_same_ca(tmp_path: Path) -> None:
    relay_pki.ensure(tmp_path, NOW)
    ca, relay = (tmp_path / "ca.crt").read_bytes(), (tmp_path / "relay.crt").read_bytes()
    relay_pki.ensure(tmp_path, NOW + timedelta(days=relay_pki.SERVER_DAYS - 10))
    assert (tmp_path / "ca.crt").read_bytes() == ca
    assert (tmp_path / "relay.crt").read_bytes() != relay
