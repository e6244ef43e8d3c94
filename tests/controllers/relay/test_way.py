"""The way to the control plane with each fault, by real servers: which stage, why, and the fix."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controllers.environment import Address
from controllers.relay.client.stage import Stage
from controllers.relay.client.way import Way
from controllers.relay.hub_place import Place
from controllers.relay.proxy import DIRECT, Proxies, Proxy
from controllers.relay.websocket import CONNECT_PATH
from tests.controllers.relay.backends import Answering, Backend
from tests.controllers.relay.certificates import Authority
from tests.controllers.relay.connect_proxy import ConnectProxy, new_proxies

ORDER = ["proxy", "name", "tcp", "tls", "edge", "upgrade", "clock"]
RELAY = b'{"message": "This is the Neurox relay"}'


class Edge(Answering):
    """Answers what its state has, by the clock that it has."""

    def do_GET(self) -> None:
        self.backend.seen.append(dict(self.headers))
        if self.path == CONNECT_PATH:
            ours = () if "edge" in self.backend.state else (("x-neurox-server", "a"),)
            self.answer(self.backend.state.get("upgrade", 401), b"", *ours)
            return
        self.answer(self.backend.state.get("status", 403), self.backend.state.get("page", RELAY))

    def date_time_string(self, timestamp: float | None = None) -> str:
        return str(self.backend.state.get("date") or super().date_time_string(timestamp))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Cellar CA")


@pytest.fixture
def new_edge(authority: Authority, tmp_path: Path) -> Iterator[Callable[..., Backend]]:
    started: list[Backend] = []

    def start(*names: str, tls: bool = True, **state: Any) -> Backend:
        dates = {name: state.pop(name) for name in ("since", "until") if name in state}
        pki = authority.issue(tmp_path / "pki", *(names or ("127.0.0.1",)), **dates)
        started.append(Backend(Edge, pki if tls else None))
        started[-1].state.update(state)
        return started[-1]

    yield start
    for edge in started:
        edge.close()


def walk(
    place: Place, proxies: Proxies = DIRECT, seconds: float = 5.0
) -> tuple[list[str], Stage, dict[str, Stage]]:
    """The stages that are well, the first that is not, and all of them."""

    async def look() -> list[Stage]:
        return [stage async for stage in Way(place, proxies, seconds).stages()]

    found = asyncio.run(look())
    assert [stage.key for stage in found] == ORDER
    well = [stage.key for stage in found if stage.state == "ok"]
    assert [stage.state for stage in found[len(well) + 1 :]] == ["waiting"] * (6 - len(well))
    return well, found[min(len(well), 6)], {stage.key: stage for stage in found}


def failed(place: Place, key: str, *says: str, proxies: Proxies = DIRECT) -> Stage:
    """The stage that has failed, which is that one, and says that."""
    well, stage, _ = walk(place, proxies)
    assert (well, stage.key, stage.state) == (ORDER[: ORDER.index(key)], key, "failed")
    for words in says:
        assert words in stage.detail
    assert stage.fix.endswith((".", "?"))
    return stage


def test_a_way_that_is_free(new_edge: Callable[..., Backend], authority: Authority) -> None:
    edge = new_edge()
    well, _, stages = walk(Place(f"https://{edge.address}", authority.pem))
    assert well == ORDER
    assert stages["name"].detail == "127.0.0.1 is 127.0.0.1"
    assert "issued by Cellar CA, valid until" in stages["tls"].detail
    assert "(29 days)" in stages["tls"].detail
    shown = [headers.get("authorization", "") for headers in edge.seen]
    assert [each.strip() for each in shown] == ["", "Bearer"]


@pytest.mark.parametrize("status", [401, 403])
def test_an_edge_that_keeps_us_out_is_no_relay_server(
    new_edge: Callable[..., Backend], authority: Authority, status: int
) -> None:
    edge = new_edge(upgrade=status, edge=True)
    place = Place(f"https://{edge.address}", authority.pem)
    stage = failed(place, "upgrade", f"an edge or proxy on the way refused ({status})")
    assert "pass all of /relay/ on" in stage.fix
    edge.state.update(status=status, page=b"<html>")
    assert failed(place, "edge", f"on the way refused ({status})").fix == stage.fix


def test_a_name_that_nobody_knows() -> None:
    stage = failed(Place("https://hub.invalid"), "name", "hub.invalid cannot be reached")
    assert "DNS" in stage.fix


def test_a_port_at_which_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    failed(Place(f"https://127.0.0.1:{port}"), "tcp", "connection refused")


def test_who_takes_connections_and_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = Place(f"https://127.0.0.1:{silent.getsockname()[1]}")
        well, stage, _ = walk(place, seconds=0.3)
    assert (well, stage.key) == (["proxy", "name", "tcp"], "tls")
    assert "does not answer within 0.3 s" in stage.detail


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_who_hangs_up_while_tls_begins(ending: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as cutter:

        def cut() -> None:
            taken, _ = cutter.accept()
            taken.recv(65536)
            if ending == "reset":
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            taken.close()

        cutting = threading.Thread(target=cut)
        cutting.start()
        place = Place(f"https://127.0.0.1:{cutter.getsockname()[1]}")
        stage = failed(place, "tls", "hangs up while TLS begins")
        cutting.join(5)
    assert "firewall" in stage.fix


def test_a_private_ca_that_the_secret_lacks(new_edge: Callable[..., Backend]) -> None:
    place = Place(f"https://{new_edge().address}")
    stage = failed(place, "tls", "not trusted", "it is for 127.0.0.1, issued by Cellar CA")
    assert "expose.caSecret" in stage.fix


def test_another_ca_than_that_of_the_secret(new_edge: Callable[..., Backend]) -> None:
    place = Place(f"https://{new_edge().address}", Authority("Attic CA").pem)
    stage = failed(place, "tls", "not trusted", "issued by Cellar CA")
    assert "make a new join Secret" in stage.fix


def test_a_ca_that_cannot_be_read(new_edge: Callable[..., Backend]) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
    failed(Place(f"https://{new_edge().address}", pem), "tls", "cannot be read")


@pytest.mark.parametrize(
    ("days", "says", "fix"),
    [((-9, -2), "expired", "Renew the certificate"), ((2, 9), "not yet valid", "Set the clocks")],
)
def test_a_certificate_of_another_time(
    new_edge: Callable[..., Backend],
    authority: Authority,
    days: tuple[int, int],
    says: str,
    fix: str,
) -> None:
    since, until = (timedelta(days=each) for each in days)
    edge = new_edge(since=since, until=until)
    place = Place(f"https://{edge.address}", authority.pem)
    stage = failed(place, "tls", says, "good from", "by the clock of this machine it is")
    assert fix in stage.fix


def test_a_certificate_for_another_name(
    new_edge: Callable[..., Backend], authority: Authority
) -> None:
    edge = new_edge("a.example", "b.example", "c.example", "d.example", "e.example")
    place = Place(f"https://{edge.address}", authority.pem)
    names = "it is for a.example, b.example, c.example, d.example and 1 more"
    stage = failed(place, "tls", names)
    assert "expose.host" in stage.fix


def test_plain_http_where_tls_is_due(new_edge: Callable[..., Backend]) -> None:
    stage = failed(Place(f"https://{new_edge(tls=False).address}"), "tls", "does not speak TLS")
    assert "plain HTTP" in stage.fix


@pytest.mark.parametrize(
    ("status", "page", "says", "fix"),
    [
        (404, b"404 page not found", "no Neurox relay (status 404)", "lead /relay/"),
        (200, b"<html><form>Sign in</form>", "no Neurox relay (status 200)", "lead /relay/"),
        (302, b"", "leads elsewhere, perhaps to a page to sign in", "without a sign-in"),
        (503, b"no healthy upstream", "no Neurox relay (status 503)", "does the relay-server run"),
    ],
)
def test_something_else_answers(
    new_edge: Callable[..., Backend],
    authority: Authority,
    status: int,
    page: bytes,
    says: str,
    fix: str,
) -> None:
    edge = new_edge(status=status, page=page)
    stage = failed(Place(f"https://{edge.address}", authority.pem), "edge", says)
    assert fix in stage.fix


@pytest.mark.parametrize(
    ("status", "says", "fix"),
    [
        (400, "is answered 400", "pass WebSocket upgrades on"),
        (426, "speaks another protocol", "Upgrade the older"),
    ],
)
def test_a_handshake_that_does_not_come_through(
    new_edge: Callable[..., Backend], authority: Authority, status: int, says: str, fix: str
) -> None:
    edge = new_edge(upgrade=status)
    stage = failed(Place(f"https://{edge.address}", authority.pem), "upgrade", says)
    assert fix in stage.fix


def test_a_clock_that_is_off(new_edge: Callable[..., Backend], authority: Authority) -> None:
    edge = new_edge(date="Thu, 01 Jan 2026 00:00:00 GMT")
    place = Place(f"https://{edge.address}", authority.pem)
    stage = failed(place, "clock", "s ahead of the control plane's")
    assert "NTP" in stage.fix
    edge.state["date"] = "soon"
    well, _, stages = walk(place)
    assert (well, stages["clock"].detail) == (ORDER, "not known: the answer has no date")


@pytest.fixture
def new_proxy() -> Iterator[Callable[..., ConnectProxy]]:
    yield from new_proxies()


def test_through_a_proxy_that_alone_knows_the_name(
    new_edge: Callable[..., Backend],
    authority: Authority,
    new_proxy: Callable[..., ConnectProxy],
) -> None:
    edge = new_edge("hub.test")
    proxy = new_proxy({"hub.test": int(edge.address.rpartition(":")[2])})
    proxies = Proxies(Proxy(Address("127.0.0.1", proxy.port)))
    well, _, stages = walk(Place("https://hub.test", authority.pem), proxies)
    assert well == ORDER
    assert stages["proxy"].detail == f"the proxy 127.0.0.1:{proxy.port} leads to hub.test:443"
    stage = failed(Place("https://hub.test"), "tls", "issued by Cellar CA", proxies=proxies)
    assert "expose.caSecret" in stage.fix


def test_a_proxy_that_wants_a_password(new_proxy: Callable[..., ConnectProxy]) -> None:
    proxy = new_proxy({}, user="eve:right")
    proxies = Proxies(Proxy(Address("127.0.0.1", proxy.port)))
    stage = failed(Place("https://hub.test"), "proxy", "(407)", proxies=proxies)
    assert "relayClient.proxy.existingSecret" in stage.fix


def test_a_place_that_no_proxy_leads_to(
    new_edge: Callable[..., Backend], authority: Authority
) -> None:
    proxies = Proxies(Proxy(Address("proxy.invalid", 1)), ("127.0.0.0/8",))
    well, _, stages = walk(Place(f"https://{new_edge().address}", authority.pem), proxies)
    assert well == ORDER
    assert "is not used: NO_PROXY has 127.0.0.1" in stages["proxy"].detail
