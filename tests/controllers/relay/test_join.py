"""Joining: one token, one key, one cluster, and a clear sentence for everything else."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from controllers.relay import join
from controllers.relay.identity import PrivateKey, key_id
from controllers.relay.kubeconfig import parse_kubeconfig
from controllers.store import keys
from tests.controllers.relay.raw import redeem


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
