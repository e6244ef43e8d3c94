"""A relay-client that joins: what it keeps, what it says, and how it goes on."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from controllers.relay import join
from controllers.relay.identity import PrivateKey
from controllers.relay.kubeconfig import parse_kubeconfig
from controllers.store import keys
from infra.local import relay_pki
from tests.controllers.relay.raw import redeem


def known_keys(hub: Any, cluster_id: str) -> list[bytes]:
    """What the hub has of the cluster's keys."""
    names: list[bytes] = hub.redis.hkeys(keys.relay_identity(cluster_id))
    return sorted(name for name in names if name.startswith(b"key:"))


def test_the_former_cluster_is_cut_when_the_rebuilt_one_joins(
    hub: Any, new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    former, rebuilt = new_site(), new_site()
    former.join()
    rebuilt.cluster_id = former.cluster_id
    rebuilt.join_file.write_text(hub.kubeconfig(former.cluster_id))
    rebuilt.start()
    eventually("it is refused", lambda: "belongs to another cluster" in rebuilt.program.words())
    assert former.is_connected()
    token = join.issue(hub.redis, former.cluster_id, 60, rebuilt=True).token
    rebuilt.join_file.write_text(join.kubeconfig(hub.url, Path(hub.ca).read_text(), token))
    eventually("the former one is out", lambda: "answered 401" in former.program.words())
    eventually("the new one has its place", rebuilt.is_connected)
    eventually("by its own link", lambda: rebuilt.kept().get("cluster-id") == former.cluster_id)


def test_the_secret_applied_again_changes_nothing(
    hub: Any, site: Any, eventually: Callable[..., None]
) -> None:
    eventually("when its key was first used is kept", lambda: site.kept().get("key-made"))
    kept, version = site.kept(), site.kubernetes.state["secret"]["metadata"]["resourceVersion"]
    known = known_keys(hub, site.cluster_id)
    site.program.stop()
    text = site.join_file.read_text()
    site.join_file.unlink()
    site.join_file.write_text(text)
    site.start()
    eventually("it is back", site.is_connected)
    assert site.kept() == kept
    assert site.kubernetes.state["secret"]["metadata"]["resourceVersion"] == version
    assert known_keys(hub, site.cluster_id) == known


def test_an_installation_made_anew_keeps_the_record(
    hub: Any, site: Any, eventually: Callable[..., None]
) -> None:
    site.program.stop()
    site.kubernetes.state["secret"] = {"metadata": {"resourceVersion": "1"}}
    site.start()
    eventually("the spent token is refused", lambda: "used already" in site.program.words())
    site.join_file.write_text(hub.kubeconfig(site.cluster_id))
    eventually("it is back under its name", site.is_connected)
    assert site.kept()["cluster-id"] == site.cluster_id


def test_the_client_keeps_its_key_before_it_uses_the_token(
    hub: Any, new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    site = new_site()
    site.join_file.write_text(hub.kubeconfig(site.cluster_id, ttl=-1))
    site.start()
    eventually("the refusal is told", lambda: "This join token has expired" in site.program.words())
    assert set(site.kept()) == {"key"}
    key = site.kept()["key"]
    site.join_file.write_text(hub.kubeconfig(site.cluster_id))
    eventually("a new Secret is noticed and used", site.is_connected)
    assert site.kept()["key"] == key
    assert site.kept()["cluster-id"] == site.cluster_id


def test_a_restarted_client_needs_no_join_secret(
    site: Any, eventually: Callable[..., None]
) -> None:
    site.program.stop()
    site.join_file.unlink()
    site.start()
    eventually("it is back", site.is_connected)


def test_a_control_plane_that_moved_is_followed_by_the_same_invitation(
    hub: Any, new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    site = new_site()
    site.join()
    key = site.kept()["key"]
    moved = hub.url.replace("127.0.0.1", "localhost")
    site.join_file.write_text(site.join_file.read_text().replace(hub.url, moved))
    eventually("the new address is kept", lambda: site.kept()["server"] == moved)
    eventually("it is back", site.is_connected)
    assert site.kept()["key"] == key


def test_a_token_used_elsewhere_is_refused_in_words(
    hub: Any, new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    site = new_site()
    text = hub.kubeconfig(site.cluster_id)
    assert redeem(hub, parse_kubeconfig(text).token, PrivateKey.generate())[0] == 200
    site.join_file.write_text(text)
    site.start()
    eventually("the refusal is told", lambda: "was used already" in site.program.words())
    assert "cluster-id" not in site.kept()


def test_no_secret_is_ever_logged(hub: Any, site: Any) -> None:
    token = parse_kubeconfig(site.join_file.read_text()).token
    logs = site.program.words() + hub.program.words()
    key = "".join(site.kept()["key"].splitlines()[1:-1])
    for secret in (token, token.split("_", 2)[2], key, "cluster-token", "the-service-token", "eyJ"):
        assert secret not in logs


def test_a_hub_that_shows_another_certificate_is_named_and_gets_no_token(
    hub: Any, new_site: Callable[[], Any], eventually: Callable[..., None], tmp_path: Path
) -> None:
    site = new_site()
    (tmp_path / "other").mkdir()
    relay_pki.ensure(tmp_path / "other", datetime.now(UTC))
    other = (tmp_path / "other" / "ca.crt").read_text()
    token = join.issue(hub.redis, site.cluster_id, 60)
    site.join_file.write_text(join.kubeconfig(hub.url, other, token.token))
    site.start()
    eventually("it is told", lambda: "certificate that is not trusted" in site.program.words())
    waiting = join.waiting(hub.redis, site.cluster_id)
    assert waiting is not None
    assert waiting.id == token.id
    site.join_file.write_text(join.kubeconfig(hub.url, Path(hub.ca).read_text(), token.token))
    eventually("the mended Secret is used", site.is_connected)


def test_a_ca_that_cannot_be_read_is_told(
    hub: Any, new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    site = new_site()
    broken = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
    token = join.issue(hub.redis, site.cluster_id, 60).token
    site.join_file.write_text(join.kubeconfig(hub.url, broken, token))
    site.start()
    eventually("it is told", lambda: "CA in the join Secret cannot be" in site.program.words())
    assert "nxj_" not in site.program.words()
