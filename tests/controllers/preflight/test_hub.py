"""The way to a real relay-server, over real TLS."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer

import pytest
from redis import Redis

from controllers.preflight.checks import Finding
from controllers.preflight.hub import way_to
from infra.local import relay_pki
from tests.controllers.relay.hub import Hub

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    relay_pki.ensure(folder, datetime.now(UTC))
    return folder


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, pki: Path, valkey_url: str) -> Iterator[Hub]:
    with Redis.from_url(valkey_url, socket_timeout=5) as redis:
        hub = Hub(tmp_path_factory.mktemp("hub"), pki, redis, valkey_url)
        yield hub
        hub.close()


def found(address: str, ca: Path | None, clock_seconds: float = 0.0) -> dict[str, Finding]:
    return {each.check: each for each in way_to(address, ca, clock_seconds)}


def test_a_relay_server_that_answers_is_well(hub: Hub) -> None:
    each = found(hub.url, Path(hub.ca))
    assert list(each) == ["DNS", "TLS", "control plane's clock"]
    assert {one.state for one in each.values()} == {"ok"}


def test_a_certificate_of_another_ca_is_not_trusted(hub: Hub, tmp_path: Path) -> None:
    relay_pki.ensure(tmp_path, datetime.now(UTC))
    other = found(hub.url, tmp_path / "ca.crt")["TLS"]
    assert other.state == "failed"
    assert "cannot be trusted" in other.says
    assert "is not the CA that signed it" in other.fix
    unknown = found(hub.url, None)["TLS"]
    assert unknown.state == "failed"
    assert "--ca" in unknown.fix


def test_a_certificate_for_another_name_is_told_apart(hub: Hub) -> None:
    one = found(hub.url.replace("127.0.0.1", "127.1"), Path(hub.ca))["TLS"]
    assert one.state == "failed"
    assert "use the name that its certificate is for" in one.fix


def test_a_file_without_a_certificate_is_named(hub: Hub, tmp_path: Path) -> None:
    empty = tmp_path / "ca.crt"
    empty.write_text("none\n")
    one = found(hub.url, empty)["TLS"]
    assert one.state == "failed"
    assert f"{empty} holds no certificate" in one.says


def test_a_name_that_nobody_knows_ends_there(hub: Hub) -> None:
    each = found("https://nowhere.invalid", None)
    assert list(each) == ["DNS"]
    assert each["DNS"].state == "failed"
    assert "nowhere.invalid is not found" in each["DNS"].says


def test_a_port_where_nobody_listens_is_said_so(hub: Hub) -> None:
    one = found("https://127.0.0.1:1", None)["TLS"]
    assert one.state == "failed"
    assert "127.0.0.1:1 does not answer: Connection refused" in one.says
    assert "firewalls" in one.fix


def test_a_port_without_tls_is_said_so() -> None:
    class Plain(StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.read(1)
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with TCPServer(("127.0.0.1", 0), Plain) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        one = found(f"https://127.0.0.1:{server.server_address[1]}", None)["TLS"]
        thread.join(10)
    assert one.state == "failed"
    assert "does not speak TLS" in one.says


@pytest.mark.parametrize("address", ["neurox.example", "http://neurox.example", "https://a:b"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    (one,) = way_to(address, None, None)
    assert one.state == "failed"
    assert repr(address) in one.says


@pytest.mark.parametrize(("clock_seconds", "says"), [(120.0, "behind"), (-120.0, "ahead of")])
def test_clocks_that_differ_by_two_minutes_fail(hub: Hub, clock_seconds: float, says: str) -> None:
    one = found(hub.url, Path(hub.ca), clock_seconds)["control plane's clock"]
    assert one.state == "failed"
    assert says in one.says
    assert "chrony" in one.fix


def test_somebody_else_who_refuses_is_not_taken_for_the_relay_server(pki: Path) -> None:
    """An API server, too, answers 403 to everybody."""

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            """Not into the test's output."""

    server = HTTPServer(("127.0.0.1", 0), Stranger)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "relay.crt", pki / "relay.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    one = found(f"https://127.0.0.1:{server.server_port}", pki / "ca.crt")["TLS"]
    thread.join(10)
    server.server_close()
    assert one.state == "failed"
    assert "not our relay-server (status 403)" in one.says
