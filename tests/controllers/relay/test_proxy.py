"""Which proxy leads to a place: HTTPS_PROXY and NO_PROXY as every program has them."""

from pathlib import Path

import pytest

from controllers.environment import Address, SettingsError
from controllers.relay.call import Origin
from controllers.relay.proxy import Proxies


def proxies(no_proxy: str = "", **env: str) -> Proxies:
    return Proxies.from_env({"HTTPS_PROXY": "http://proxy.corp:3128", "NO_PROXY": no_proxy, **env})


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "direct"),
    [
        ("", "hub.example", 443, False),
        ("hub.example", "hub.example", 443, True),
        ("hub.example", "HUB.example.", 443, True),
        ("example", "hub.example", 443, True),
        ("example", "hubexample", 443, False),
        (".example", "hub.example", 443, True),
        (".example", "example", 443, False),
        ("*.example", "hub.example", 443, True),
        ("hub.example:8443", "hub.example", 443, False),
        ("hub.example:8443", "hub.example", 8443, True),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "hub.example", 443, False),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:443", "10.1.2.3", 443, True),
        ("fd00::/8", "fd00::5", 443, True),
        ("fd00::5", "fd00::5", 443, True),
        ("[fd00::5]:443", "fd00::5", 8443, False),
        ("a.example, hub.example", "hub.example", 443, True),
        ("a.example hub.example", "hub.example", 443, True),
        ("not/a/network", "10.1.2.3", 443, False),
        ("*", "hub.example", 443, True),
        ("", "127.0.0.1", 443, True),
        ("", "::1", 443, True),
        ("", "localhost", 443, True),
    ],
)
def test_no_proxy_takes_places_out(no_proxy: str, host: str, port: int, direct: bool) -> None:
    assert (proxies(no_proxy).to(host, port) is None) is direct


def test_lower_case_is_as_good_and_upper_case_wins() -> None:
    lower = {"https_proxy": "http://low:1", "no_proxy": "hub.example"}
    assert Proxies.from_env(lower).to("other.example", 443) is not None
    assert Proxies.from_env(lower).to("hub.example", 443) is None
    found = Proxies.from_env({**lower, "HTTPS_PROXY": "http://up:2"}).to("other.example", 443)
    assert found is not None
    assert found.address == Address("up", 2)


@pytest.mark.parametrize("url", ["http://proxy.corp", "proxy.corp:80", "http://proxy.corp:80/"])
def test_a_scheme_and_a_port_may_be_left_out(url: str) -> None:
    found = Proxies.from_env({"HTTPS_PROXY": url}).https
    assert found is not None
    assert found.address == Address("proxy.corp", 80)


def test_a_password_is_decoded_and_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "proxy").write_text("http://eve:p%40ss@proxy.corp:3128\n")
    found = Proxies.from_env({"NEUROX_RELAY_PROXY_FILE": str(tmp_path / "proxy")}).https
    assert found is not None
    assert found.authorization == "Basic ZXZlOnBAc3M="
    assert "ZXZl" not in repr(found)
    assert str(found) == "the proxy proxy.corp:3128"


@pytest.mark.parametrize(
    "url", ["https://eve:secret@p:1", "socks5://p:1", "http://:1", "http://p:x", "http://p/eve"]
)
def test_another_kind_of_proxy_is_refused_without_a_password(url: str) -> None:
    with pytest.raises(SettingsError, match="HTTPS_PROXY must be http://HOST:PORT") as refusal:
        Proxies.from_env({"HTTPS_PROXY": url})
    assert "secret" not in str(refusal.value)


def test_plain_http_is_inside_the_cluster_and_never_proxied() -> None:
    assert Origin.of("http://manager:8090", None, proxies()).proxy is None
    assert Origin.of("https://hub.example", None, proxies()).proxy is not None
