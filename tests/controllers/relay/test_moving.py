"""The control plane gets another address or CA: clusters follow over their links, or stay."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from controllers.environment import SettingsError
from controllers.relay import hub_place, join, message
from controllers.relay.hub_place import PlaceError, Places
from controllers.relay.limits import TEXT_BYTES
from controllers.relay.server.addresses import Addresses
from tests.controllers.relay.certificates import Authority
from tests.controllers.relay.fault_proxy import FaultProxy
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.site import Site

FIRST, SECOND = Authority("first"), Authority("second")


@pytest.fixture
def hub(tmp_path: Path, valkey_url: str) -> Iterator[Hub]:
    """Each test moves its own."""
    pki = FIRST.issue(tmp_path / "pki", "127.0.0.1", "localhost")
    (tmp_path / "hub").mkdir()
    with Redis.from_url(valkey_url, socket_timeout=5) as redis:
        hub = Hub(tmp_path / "hub", pki, redis, valkey_url, begin=False)
        hub.start(**where(hub, hub.url))
        yield hub
        hub.close()


def where(hub: Hub, url: str, *former: str) -> dict[str, str]:
    """The settings by which a relay-server tells where it is."""
    cas = hub.folder / "told.crt"
    if not cas.exists():
        cas.write_text(FIRST.pem)
    return {
        "NEUROX_RELAY_PUBLIC_URL": url,
        "NEUROX_RELAY_FORMER_URLS": ",".join(former),
        "NEUROX_RELAY_CA_FILE": str(cas),
    }


def told(site: Site) -> dict[str, Any]:
    """What the cluster has written down of the control plane's place."""
    found: dict[str, Any] = json.loads(site.kept("hub_keys").get("hub", "{}"))
    return found


def worked(site: Site) -> tuple[str, str]:
    place = told(site).get("worked") or {}
    return place.get("url", ""), place.get("ca_pem", "")


def test_a_cluster_follows_to_a_new_address_and_needs_the_old_one_no_more(
    hub: Hub, new_site: Callable[[], Site], eventually: Callable[..., None]
) -> None:
    old = FaultProxy(hub.url, hub.pki)
    try:
        site, new = new_site(), hub.url
        token = join.issue(hub.redis, site.cluster_id, 60).token
        site.join_file.write_text(join.kubeconfig(old.url, FIRST.pem, token))
        site.start()
        eventually("it is connected", site.is_connected)
        assert f"staying at {old.url}" in site.program.words(), "the list does not concern it yet"
        hub.program.stop()
        hub.start(**where(hub, new, old.url))
        eventually("the new address has worked", lambda: worked(site)[0] == new)
        assert told(site)["told"]["urls"] == [new, old.url]
    finally:
        old.close()
    eventually("it is connected without the old one", site.is_connected)
    site.program.stop()
    site.start()
    eventually("it comes back there, whatever its join Secret says", site.is_connected)
    assert old.url in site.join_file.read_text()


@pytest.mark.parametrize("bad", ["https://127.0.0.1:1", "https://no-such-hub.invalid"])
def test_an_address_that_leads_nowhere_costs_nothing(
    hub: Hub, new_site: Callable[[], Site], eventually: Callable[..., None], bad: str
) -> None:
    site = new_site()
    site.join()
    hub.program.stop()
    hub.start(**where(hub, bad, hub.url))
    words = f"the control plane says that it is at {bad}, which does not work"
    eventually("it says so", lambda: words in site.program.words())
    assert f"staying at {hub.url}" in site.program.words()
    eventually("it is connected", site.is_connected)
    assert told(site)["told"]["urls"] == [bad, hub.url]
    assert worked(site)[0] == hub.url
    site.program.stop()
    site.start()
    eventually("it comes back", site.is_connected)


def test_a_ca_is_replaced_while_both_are_good(
    hub: Hub, new_site: Callable[[], Site], eventually: Callable[..., None]
) -> None:
    site = new_site()
    site.join()
    cas = hub.folder / "told.crt"
    cas.write_text(FIRST.pem + SECOND.pem)
    both = (FIRST.pem + SECOND.pem).strip()
    eventually("both have worked", lambda: worked(site) == (hub.url, both))
    hub.program.stop()
    SECOND.issue(hub.pki, "127.0.0.1")
    hub.start(**where(hub, hub.url))
    eventually("it takes the new certificate", site.is_connected)
    cas.write_text(SECOND.pem)
    eventually("the new CA has worked", lambda: worked(site)[1] == SECOND.pem.strip())
    site.program.stop()
    site.start()
    eventually("it needs the old one no more", site.is_connected)


def test_a_ca_that_did_not_sign_is_not_taken_for_the_one_that_did(
    hub: Hub, new_site: Callable[[], Site], eventually: Callable[..., None]
) -> None:
    site = new_site()
    site.join()
    (hub.folder / "told.crt").write_text(SECOND.pem)
    words = "which does not work: " + hub.url.removeprefix("https://")
    eventually("it says so", lambda: words in site.program.words())
    assert "shows a certificate that is not trusted" in site.program.words()
    hub.program.stop()
    hub.start(**where(hub, hub.url))
    eventually("it comes back by the CA that works", site.is_connected)
    assert worked(site)[1] != SECOND.pem.strip()


def test_a_join_secret_that_names_another_address_has_the_last_word(
    hub: Hub, new_site: Callable[[], Site], eventually: Callable[..., None]
) -> None:
    site = new_site()
    site.join()
    hub.program.stop()
    named = hub.url.replace("127.0.0.1", "localhost")
    hub.start(**where(hub, named, hub.url))
    eventually("it has followed", lambda: worked(site)[0] == named)
    joined = told(site)["joined"]
    site.join_file.write_text(site.join_file.read_text().replace(hub.url, named))
    eventually("it begins anew there", lambda: told(site)["joined"] != joined)
    assert worked(site)[0] == named


def test_pieces_fit_a_control_message_and_make_the_whole() -> None:
    urls = tuple(f"https://{'a' * 250}{number}.example" for number in range(hub_place.URLS))
    ca_pem = "\n".join(Authority(str(each)).pem.strip() for each in range(8))
    pieces = hub_place.pieces(hub_place.checked(urls, ca_pem))
    assert max(len(message.encode(piece)) for piece in pieces) <= TEXT_BYTES
    assert "".join(piece.ca_pem for piece in pieces) == ca_pem
    assert [piece.more for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    assert [piece.ca_pem for piece in hub_place.pieces(Places(("https://a",)))] == [""]


@pytest.mark.parametrize(
    ("urls", "ca_pem"),
    [
        ([], ""),
        (["http://hub.example"], ""),
        (["https://eve:secret@hub.example"], ""),
        (["https://hub.example?x"], ""),
        (["https://"], ""),
        (["https://hub.example:x"], ""),
        (["https://hub.example\r\nx"], ""),
        (["https://" + "a" * 400], ""),
        (["https://a.example"] * 9, ""),
        (["https://hub.example"], "no certificate"),
        (["https://hub.example"], "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"),
        (["https://hub.example"], "x" * 70_000),
    ],
)
def test_what_is_no_place_is_refused(urls: list[str], ca_pem: str) -> None:
    with pytest.raises(PlaceError) as refusal:
        hub_place.checked(urls, ca_pem)
    assert "secret" not in str(refusal.value)


def test_a_server_refuses_to_start_with_cas_that_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="NEUROX_RELAY_CA_FILE"):
        Addresses(("https://hub.example",), (tmp_path / "none",))


def test_cas_that_cannot_be_read_later_stay_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_text(FIRST.pem)
    addresses = Addresses(("https://hub.example",), (file,))
    before = addresses.told
    file.write_text("torn")
    assert not addresses.changed()
    assert addresses.told == before
    file.write_text(SECOND.pem)
    assert addresses.changed()
    assert addresses.told != before


def test_accents_beside_the_cas_do_no_harm(pki: Path) -> None:
    ca_pem = (pki / "ca.crt").read_text().strip()
    told = hub_place.checked(("https://hub.example",), f"# Autorit\u00e9\n{ca_pem}")
    assert told.ca_pem == f"# Autorit\n{ca_pem}"
