"""Joining: one token, one key, one cluster, and a clear sentence for everything else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from controllers.relay import join
from controllers.relay.identity import PrivateKey, key_id
from controllers.relay.kubeconfig import parse_kubeconfig
from controllers.store import keys
from infra.local import relay_pki


def redeem(hub: Any, token: str, key: PrivateKey, uid: str = "uid-1") -> tuple[int, str]:
    """Status and sentence (or cluster id) of the exchange that the relay-client makes."""
    body = {"token": token, "public_key": key.public, "cluster_uid": uid, "version": "t"}
    answer = requests.post(hub.url + "/relay/v1/join", json=body, timeout=10, verify=hub.ca)
    document = answer.json()
    return answer.status_code, document.get("cluster_id") or document["detail"]


def token_of(site: Any) -> str:
    """The token of the join Secret that the cluster has."""
    return parse_kubeconfig(site.join_file.read_text()).token


def test_a_token_belongs_to_the_key_that_uses_it_first(hub: Any) -> None:
    cluster_id, first, second = hub.record("first"), PrivateKey.generate(), PrivateKey.generate()
    token = join.issue(hub.redis, cluster_id, 60).token
    assert redeem(hub, token, first) == (200, cluster_id)
    assert redeem(hub, token, first) == (200, cluster_id)
    status, words = redeem(hub, token, second)
    assert status == 409
    assert words.startswith("This join token was used already")
    assert "ask for a new one" in words


def test_of_many_at_once_exactly_one_key_wins(hub: Any) -> None:
    token = join.issue(hub.redis, hub.record("race"), 60).token
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: redeem(hub, token, PrivateKey.generate()), range(100)))
    assert sorted(status for status, _ in found) == [200] + [409] * 99


def test_an_expired_token_says_so(hub: Any) -> None:
    token = join.issue(hub.redis, hub.record("late"), -1).token
    status, words = redeem(hub, token, PrivateKey.generate())
    assert (status, words[:28]) == (401, "This join token has expired;")


@pytest.mark.parametrize("token", ["", "garbage", "nxu_abc", "nxj_0_x", "nxj_" + "0" * 60])
def test_garbage_is_no_token(hub: Any, token: str) -> None:
    status, words = redeem(hub, token, PrivateKey.generate())
    assert status == 401
    assert words.startswith("This is not a join token")


def test_a_guessed_secret_is_not_known(hub: Any) -> None:
    token = join.issue(hub.redis, hub.record("guessed"), 60).token
    guess = token[:21] + ("A" * 43)
    status, words = redeem(hub, guess, PrivateKey.generate())
    assert (status, words[:33]) == (401, "This join token is not known here")


def test_strangers_who_guess_do_not_fill_the_log(hub: Any) -> None:
    said = "a join was refused: This join token is not known here"
    before = len(hub.program.words())
    for guess in range(20):
        token = f"nxj_{guess:016x}_{'g' * 43}"
        assert redeem(hub, token, PrivateKey.generate())[0] == 401
    assert hub.program.words()[before:].count(said) <= 1
    assert hub.program.words().count(said) >= 1


def test_a_newer_token_makes_the_older_worthless(hub: Any) -> None:
    cluster_id = hub.record("twice")
    older = join.issue(hub.redis, cluster_id, 60).token
    newer = join.issue(hub.redis, cluster_id, 60).token
    assert redeem(hub, older, PrivateKey.generate())[0] == 401
    assert redeem(hub, newer, PrivateKey.generate()) == (200, cluster_id)


def test_a_record_stays_with_its_cluster(hub: Any) -> None:
    cluster_id, key = hub.record("pinned"), PrivateKey.generate()
    assert redeem(hub, join.issue(hub.redis, cluster_id, 60).token, key, "uid-1")[0] == 200
    again = join.issue(hub.redis, cluster_id, 60).token
    status, words = redeem(hub, again, key, "uid-2")
    assert status == 409
    assert "belongs to another cluster" in words
    assert redeem(hub, again, key, "uid-1") == (200, cluster_id)


def identity(hub: Any, cluster_id: str) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = hub.redis.hgetall(keys.relay_identity(cluster_id))
    return found


def test_a_rebuilt_cluster_takes_its_record_over_by_the_word_of_an_admin(hub: Any) -> None:
    cluster_id, former, key = hub.record("rebuilt"), PrivateKey.generate(), PrivateKey.generate()
    assert redeem(hub, join.issue(hub.redis, cluster_id, 60).token, former, "uid-1")[0] == 200
    without = join.issue(hub.redis, cluster_id, 60).token
    status, words = redeem(hub, without, key, "uid-2")
    assert status == 409
    assert "neurox cluster join NAME --rebuilt" in words
    before = identity(hub, cluster_id)
    assert f"key:{key_id(former.public)}".encode() in before
    given = join.issue(hub.redis, cluster_id, 60, rebuilt=True).token
    assert f"key:{key_id(former.public)}".encode() in identity(hub, cluster_id)
    assert redeem(hub, given, key, "uid-2") == (200, cluster_id)
    after = identity(hub, cluster_id)
    assert [name for name in after if name.startswith(b"key:")] == [
        f"key:{key_id(key.public)}".encode()
    ]
    assert after[b"uid"] == b"uid-2"
    assert redeem(hub, given, former, "uid-1")[0] == 409
    assert redeem(hub, given, key, "uid-1")[0] == 409


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


def test_a_revoked_record_stays_with_its_cluster(hub: Any) -> None:
    cluster_id, key = hub.record("taken-back"), PrivateKey.generate()
    redeem(hub, join.issue(hub.redis, cluster_id, 60).token, key, "uid-1")
    join.revoke(hub.redis, cluster_id)
    again = join.issue(hub.redis, cluster_id, 60).token
    assert redeem(hub, again, PrivateKey.generate(), "uid-2")[0] == 409
    assert redeem(hub, again, key, "uid-1") == (200, cluster_id)


def test_nobody_takes_over_a_name_by_a_token_of_another(hub: Any) -> None:
    mine, yours, key = hub.record("mine"), hub.record("yours"), PrivateKey.generate()
    token = join.issue(hub.redis, mine, 60).token
    claims = {"cluster_id": yours, "name": "yours", "cluster": yours}
    body = {"token": token, "public_key": key.public, "cluster_uid": "uid-9", **claims}
    answer = requests.post(hub.url + "/relay/v1/join", json=body, timeout=10, verify=hub.ca)
    assert answer.json()["cluster_id"] == mine
    assert not [name for name in identity(hub, yours) if name.startswith(b"key:")]
    spliced = token[:21] + join.issue(hub.redis, yours, 60).token[21:]
    assert redeem(hub, spliced, key)[0] == 401
    hub.redis.hdel(keys.CLUSTERS, mine)
    assert redeem(hub, token, key, "uid-9")[0] == 401


def test_the_secret_applied_again_changes_nothing(
    hub: Any, site: Any, eventually: Callable[..., None]
) -> None:
    kept, version = site.kept(), site.kubernetes.state["secret"]["metadata"]["resourceVersion"]
    known = identity(hub, site.cluster_id)
    site.program.stop()
    text = site.join_file.read_text()
    site.join_file.unlink()
    site.join_file.write_text(text)
    site.start()
    eventually("it is back", site.is_connected)
    assert site.kept() == kept
    assert site.kubernetes.state["secret"]["metadata"]["resourceVersion"] == version
    assert [n for n in identity(hub, site.cluster_id) if n.startswith(b"key:")] == [
        n for n in known if n.startswith(b"key:")
    ]


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


def test_a_revoked_cluster_cannot_repeat_its_join(hub: Any) -> None:
    cluster_id, key = hub.record("revoked"), PrivateKey.generate()
    token = join.issue(hub.redis, cluster_id, 60).token
    redeem(hub, token, key)
    unused = join.issue(hub.redis, cluster_id, 60).token
    join.revoke(hub.redis, cluster_id)
    assert redeem(hub, token, key)[0] == 401
    assert redeem(hub, unused, key)[0] == 401


def test_the_secret_of_a_token_is_stored_nowhere(hub: Any) -> None:
    token = join.issue(hub.redis, hub.record("hashed"), 60)
    secret = token.token.split("_", 2)[2].encode()
    key = f"neurox:relay:join:{token.id}"
    assert secret not in b"".join(hub.redis.hgetall(key).values())
    assert secret.decode() not in repr(token)


def test_kubectl_gets_an_explanation(hub: Any) -> None:
    for path in ("", "/api", "/apis/apps/v1"):
        answer = requests.get(hub.url + "/relay/v1/join" + path, timeout=5, verify=hub.ca)
        status = answer.json()
        assert (answer.status_code, status["kind"], status["apiVersion"]) == (403, "Status", "v1")
        assert "not a Kubernetes API server" in status["message"]


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


def test_the_secret_is_one_kubeconfig() -> None:
    import yaml

    text = join.kubeconfig("https://hub.example", "-----BEGIN CERTIFICATE-----\nx\n", "nxj_1_2")
    secret = yaml.safe_load(join.secret_yaml(text, "east"))
    assert (secret["metadata"]["name"], secret["metadata"]["namespace"]) == (
        "neurox-join",
        "neurox-system",
    )
    assert secret["metadata"]["annotations"] == {"neurox.io/cluster": "east"}
    assert secret["stringData"] == {"kubeconfig": text}
    parsed = parse_kubeconfig(text)
    assert parsed.server == "https://hub.example/relay/v1/join"
    assert parsed.ca_pem == "-----BEGIN CERTIFICATE-----\nx\n"


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
