"""A cluster behind a proxy that all of its calls outside must take."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from controllers.environment import Address
from controllers.relay import join
from controllers.relay.call import CallFailed, Origin, connect
from controllers.relay.proxy import Proxies, Proxy
from controllers.relay.trouble import Trouble
from tests.controllers.relay.certificates import Authority
from tests.controllers.relay.connect_proxy import ConnectProxy, new_proxies
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.site import Site

USER = "eve:p%40ss"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, valkey_url: str) -> Iterator[Hub]:
    """It is known by a name that only the proxy can look up."""
    pki = Authority("tests").issue(tmp_path_factory.mktemp("pki"), "hub.test", "127.0.0.1")
    with Redis.from_url(valkey_url, socket_timeout=5) as redis:
        hub = Hub(tmp_path_factory.mktemp("hub"), pki, redis, valkey_url)
        yield hub
        hub.close()


@pytest.fixture
def start_proxy() -> Iterator[Callable[..., ConnectProxy]]:
    yield from new_proxies()


def invite(hub: Hub, site: Site) -> None:
    """A join Secret that names the hub by its name outside."""
    token = join.issue(hub.redis, site.cluster_id, 60).token
    ca = Path(hub.ca).read_text()
    site.join_file.write_text(join.kubeconfig(f"https://hub.test:{hub.port}", ca, token))


def test_joins_links_and_metrics_go_through_the_proxy_and_nothing_else(
    hub: Hub,
    new_site: Callable[[], Site],
    start_proxy: Callable[..., ConnectProxy],
    eventually: Callable[..., None],
) -> None:
    proxy = start_proxy({"hub.test": hub.port}, user=USER.replace("%40", "@"))
    site = new_site()
    invite(hub, site)
    site.start(HTTPS_PROXY=f"http://{USER}@127.0.0.1:{proxy.port}")
    eventually("it is connected", site.is_connected)
    written = len(hub.receive.seen)
    assert site.write(b"samples").status_code == 200
    assert len(hub.receive.seen) == written + 1
    assert set(proxy.led) == {f"hub.test:{hub.port}"}
    assert len(proxy.led) >= 3  # the join, a link, a write
    assert proxy.strangers == 0
    assert "p@ss" not in site.program.words()
    assert "p%40ss" not in site.program.words()
    before = len(proxy.led)
    proxy.cut()
    eventually("it comes back by itself", lambda: len(proxy.led) > before and site.is_connected())


def test_no_proxy_leads_past_it(
    hub: Hub,
    new_site: Callable[[], Site],
    start_proxy: Callable[..., ConnectProxy],
    eventually: Callable[..., None],
) -> None:
    proxy = start_proxy({"hub.test": hub.port})
    site = new_site()
    invite(hub, site)
    site.start(HTTPS_PROXY=proxy.url, NO_PROXY=".test")
    words = f"hub.test:{hub.port} cannot be reached"
    eventually("it dials by itself", lambda: words in site.program.words())
    assert proxy.led == []


def fail(proxy: Proxy, seconds: float = 5.0) -> CallFailed:
    origin = Origin("hub.test", 443, None, proxy)
    with pytest.raises(CallFailed) as failure:
        asyncio.run(connect(origin, seconds))
    return failure.value


@pytest.mark.parametrize(
    ("fault", "words", "kind"),
    [
        ("silent", "does not answer within 0.3 s", Trouble.PROXY),
        ("dies", "closed without an answer", Trouble.PROXY),
        ("SSH-2.0-x", "does not answer as an HTTP proxy", Trouble.PROXY),
        ("HTTP/1.1 403 No", "does not let us to hub.test:443 (403)", Trouble.PROXY_FORBIDS),
        ("HTTP/1.1 502 No", "cannot reach hub.test:443 (502)", Trouble.PROXY),
    ],
)
def test_a_proxy_that_fails_is_named(
    start_proxy: Callable[..., ConnectProxy], fault: str, words: str, kind: Trouble
) -> None:
    proxy = start_proxy({}, fault=fault)
    failure = fail(Proxy(Address("127.0.0.1", proxy.port)), 0.3 if fault == "silent" else 5.0)
    assert str(failure) == f"the proxy 127.0.0.1:{proxy.port} {words}"
    assert failure.kind is kind


def test_a_proxy_that_wants_a_password_says_so(start_proxy: Callable[..., ConnectProxy]) -> None:
    proxy = start_proxy({}, user="eve:right")
    address = Address("127.0.0.1", proxy.port)
    without, wrong = fail(Proxy(address)), fail(Proxy(address, "Basic d3Jvbmc="))
    assert "wants a user and password (407)" in str(without)
    assert "refuses the user and password (407)" in str(wrong)
    assert without.kind is wrong.kind is Trouble.PROXY_SIGN_IN


def test_a_proxy_that_is_not_there_is_told_apart_from_the_hub() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    failure = fail(Proxy(Address("127.0.0.1", port)))
    assert str(failure) == f"the proxy 127.0.0.1:{port} cannot be reached: connection refused"
    named = fail(Proxy(Address("no-such-proxy.invalid", 1)))
    assert "the proxy no-such-proxy.invalid:1 cannot be reached" in str(named)
    assert failure.kind is named.kind is Trouble.PROXY


def test_the_client_tells_of_its_proxy_and_goes_on_trying(
    hub: Hub,
    new_site: Callable[[], Site],
    start_proxy: Callable[..., ConnectProxy],
    eventually: Callable[..., None],
) -> None:
    proxy = start_proxy({"hub.test": hub.port}, fault="HTTP/1.1 407 Who")
    site = new_site()
    invite(hub, site)
    site.start(https_proxy=proxy.url)
    eventually(
        "the proxy is named",
        lambda: "wants a user and password (407)" in site.program.words(),
    )
    proxy.fault = ""
    eventually("it joins once it may", site.is_connected)


def test_a_proxy_is_used_for_https_alone() -> None:
    assert Proxies.from_env({"HTTP_PROXY": "http://p:1"}).https is None
