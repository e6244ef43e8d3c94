"""The check-list of a cluster, stage by stage, and its link."""

import json
import time
from typing import Any

import msgspec
import pytest
from neurox_web import Web, cluster, gpu
from redis import Redis

from controllers.domain.cluster import Cluster
from controllers.relay import join
from controllers.relay.credential import Credential
from controllers.store import keys
from controllers.store.links import Contact, Link, Reach, Turn
from portal.api.fleet import Reported
from portal.api.shapes.checks import Known, checks_out
from portal.schemas import Check

NOW = 1_000_000.0
STAGES = ("name", "tls", "token", "tunnel", "state", "metrics", "gpus")
HOSTILE = "<" * 64


def link(contact: Contact | None = None, **more: Any) -> Link:
    """A link of a cluster that was invited a minute ago, and what else is said."""
    given: dict[str, Any] = {
        "reaches": (),
        "history": (),
        "joined_at": None,
        "invited_at": NOW - 60,
        "expires_at": NOW + 3540,
    }
    return Link(contact or Contact(), **(given | more))


def known(link: Link, *, seconds: float = 60, failure: str = "", **credential: Any) -> Known:
    """What is known of a cluster without a report, made so many seconds ago."""
    record = Cluster("c", "east", NOW - seconds)
    return Known(NOW, Reported(record, None, [], [], []), link, Credential(**credential), failure)


def stage(known: Known, key: str) -> Check:
    """One stage of the check-list."""
    return next(item for item in checks_out(known).items if item.key == key)


def joined(contact: Contact, *history: Turn, **more: Any) -> Link:
    """A link of a cluster that joined 50 seconds ago."""
    return link(contact, history=history, **({"joined_at": NOW - 50} | more))


def test_before_first_contact_it_says_since_when_and_what_to_run_there() -> None:
    found = checks_out(known(link()))
    assert [item.key for item in found.items] == list(STAGES)
    assert {item.state for item in found.items} == {"waiting"}
    assert found.state == "waiting"
    assert found.heard_age_seconds is None
    first = found.items[0]
    assert first.detail == "Nothing heard for 1 min."
    assert "kubectl -n neurox-system" in first.command
    assert "neurox-relay-client" in first.command


def test_a_new_secret_starts_the_waiting_anew() -> None:
    old = Contact(heard_at=NOW - 5000, admitted_at=NOW - 5000)
    again = link(old, invited_at=NOW - 30, joined_at=NOW - 9000)
    assert stage(known(again, seconds=10_000), "name").detail == "Nothing heard for 30 s."


def test_anything_heard_proves_name_and_tls() -> None:
    refused = Contact(heard_at=NOW - 3, refused_at=NOW - 3, refused="no", refused_status=401)
    for key in ("name", "tls"):
        assert stage(known(link(refused)), key).state == "ok"


@pytest.mark.parametrize(
    ("status", "words", "key", "fix"),
    [
        (401, "This join token was used already.", "token", "new join Secret"),
        (403, "this cluster has no access (any more)", "token", "new join Secret"),
        (401, "the token has expired; check the clocks", "token", "clocks"),
        (426, "this server speaks neurox-relay.v1", "tunnel", "Upgrade"),
        (400, "this path wants a WebSocket upgrade", "tunnel", "WebSocket"),
    ],
)
def test_a_refusal_turns_its_stage_red_with_the_words_and_the_fix(
    status: int, words: str, key: str, fix: str
) -> None:
    refused = Contact(heard_at=NOW, refused_at=NOW, refused=words, refused_status=status)
    found = known(joined(refused, joined_at=NOW - 90))
    failed = stage(found, key)
    assert failed.state == "failed"
    assert words[1:].rstrip(".") in failed.detail
    assert fix in failed.fix
    assert checks_out(found).state == "failed"


def test_a_refusal_that_was_followed_by_a_connection_is_forgotten() -> None:
    contact = Contact(
        heard_at=NOW, admitted_at=NOW - 1, refused_at=NOW - 2, refused="no", refused_status=401
    )
    assert stage(known(joined(contact)), "token").state == "ok"
    stranger = Contact(heard_at=NOW, refused_at=NOW, refused="no", refused_status=401)
    connected = joined(stranger, reaches=(Reach(4, 0, NOW, "relay-0"),))
    assert checks_out(known(connected)).items[2].state == "ok"


def test_an_unused_token_that_expired_is_told() -> None:
    late = stage(known(link(expires_at=NOW - 300), seconds=4000), "token")
    assert late.state == "failed"
    assert "expired 5 min ago, unused" in late.detail
    assert "neurox cluster join east" in late.command


def test_taken_access_is_told() -> None:
    assert stage(known(link(), revoked_at=NOW - 5), "token").detail == "Its access was taken back."


def test_a_new_secret_makes_former_refusals_and_revocation_forgotten() -> None:
    before = Contact(
        heard_at=NOW - 70, refused_at=NOW - 70, refused="no access", refused_status=403
    )
    token = stage(known(link(before), revoked_at=NOW - 80), "token")
    assert token.state == "waiting"
    assert token.detail == "The join token has not been used yet."


def test_a_lost_tunnel_is_red_after_a_while_with_its_reason() -> None:
    gone = Turn(NOW - 600, False, "relay-0", "nothing came for 45 s")
    contact = Contact(heard_at=NOW - 600, admitted_at=NOW - 900)
    lost = stage(known(joined(contact, gone, joined_at=NOW - 900), seconds=1000), "tunnel")
    assert lost.state == "failed"
    assert lost.detail == "No connection for 10 min: nothing came for 45 s."
    fresh = Turn(NOW - 5, False, "relay-0", "draining")
    short = stage(known(joined(contact, fresh, joined_at=NOW - 900)), "tunnel")
    assert short.state == "waiting"


def test_a_relay_server_that_was_killed_is_named() -> None:
    came = Turn(NOW - 800, True, "relay-7")
    contact = Contact(heard_at=NOW - 400, admitted_at=NOW - 800)
    lost = stage(known(joined(contact, came, joined_at=NOW - 900)), "tunnel")
    assert lost.detail == "No connection for 7 min: relay-server relay-7 ended without a word."


@pytest.mark.parametrize(("seconds", "state"), [(5, "waiting"), (300, "failed")])
def test_what_does_not_follow_on_the_tunnel_is_waited_for_and_then_red(
    seconds: float, state: str
) -> None:
    contact = Contact(heard_at=NOW, admitted_at=NOW - seconds)
    up = joined(
        contact,
        Turn(NOW - seconds, True, "relay-0"),
        joined_at=NOW - seconds,
        reaches=(Reach(3, 1, NOW, "relay-0"),),
    )
    found = known(up, seconds=1000, failure="manager: connection refused")
    assert stage(found, "tunnel").detail == "4 connections."
    synced = stage(found, "state")
    assert synced.state == state
    assert "connection refused" in synced.detail
    assert "workload-manager" in synced.command
    assert stage(found, "metrics").state == state
    assert stage(found, "gpus").state == "waiting"


def test_metrics_that_are_refused_are_red_and_say_whose_fault_it_is() -> None:
    here = (Reach(4, 0, NOW, "relay-0"),)
    store = Contact(heard_at=NOW, written_at=NOW, write_status=503, taken_at=NOW - 500)
    failed = stage(known(joined(store, reaches=here)), "metrics")
    assert failed.state == "failed"
    assert "metrics store of the control plane" in failed.fix
    taken = Contact(heard_at=NOW, written_at=NOW - 9, write_status=200, taken_at=NOW - 9)
    assert stage(known(joined(taken, reaches=here)), "metrics").detail == "The last came 9 s ago."


def presence(redis: Redis, cluster_id: str) -> None:
    """A relay-server holds connections of the cluster."""
    row = json.dumps({"idle": 3, "streams": 1, "at": int(time.time())})
    redis.hset(keys.relay_presence(cluster_id), "relay-0", row)
    turn = msgspec.json.encode(Turn(time.time() - 90, True, "relay-0"))
    redis.lpush(keys.relay_history(cluster_id), turn)
    contact = {"heard_at": time.time(), "admitted_at": time.time() - 90, "rtt": "0.012"}
    redis.hset(
        keys.relay_contact(cluster_id),
        mapping={**contact, "bytes_in": 10, "bytes_out": 20, "version": HOSTILE},
    )


def test_a_cluster_that_does_all_of_it_is_green(web: Web, redis: Redis) -> None:
    made = cluster(web)
    web.stores.samples.put(made.id, [gpu(0)])
    join.issue(redis, made.id, 60)
    redis.hset(keys.relay_identity(made.id), "joined_at", repr(time.time() - 90))
    presence(redis, made.id)
    found: Any = web.get("/clusters/east/checks").json
    assert {item["state"] for item in found["items"]} == {"ok"}
    assert found["state"] == "ok"
    assert found["items"][-1]["label"] == "GPUs found: 16"
    assert found["items"][3]["detail"] == "4 connections, round trip 12 ms."
    assert found["items"][5]["detail"].startswith("The last came")


def test_nodes_without_gpus_are_told_once_the_report_is_there(web: Web, redis: Redis) -> None:
    made = cluster(web, gpus=0)
    presence(redis, made.id)
    found: Any = web.get("/clusters/east/checks").json
    last = found["items"][-1]
    assert last["state"] == "failed"
    assert "device plugin" in last["fix"]


def test_the_link_tells_state_bytes_versions_and_history(web: Web, redis: Redis) -> None:
    made = cluster(web)
    assert web.get("/clusters/east/link").json["state"] == "waiting"  # type: ignore[index]
    presence(redis, made.id)
    found: Any = web.get("/clusters/east/link").json
    assert (found["state"], found["reason"]) == ("connected", "")
    assert (found["connections"], found["streams"], found["replicas"]) == (4, 1, ["relay-0"])
    assert found["rtt_seconds"] == 0.012
    assert (found["bytes_in"], found["bytes_out"]) == (10, 20)
    assert found["relay_version"] == HOSTILE
    assert found["manager_version"] == "0.1"
    assert found["agent_versions"] == []  # the metrics store of this test does not answer
    assert [turn["connected"] for turn in found["history"]] == [True]


def test_what_a_replica_said_half_a_minute_ago_is_no_connection(web: Web, redis: Redis) -> None:
    made = cluster(web)
    presence(redis, made.id)
    row = json.dumps({"idle": 4, "streams": 0, "at": int(time.time()) - 40})
    redis.hset(keys.relay_presence(made.id), "relay-0", row)
    found: Any = web.get("/clusters/east/link").json
    assert found["state"] == "lost"
    assert "relay-0 ended without a word" in found["reason"]
    assert found["rtt_seconds"] is None


def test_why_the_state_could_not_be_had_is_kept_until_it_is(web: Web) -> None:
    made = web.stores.clusters
    web.post("/clusters", {"name": "east"})
    cluster_id = made.by_name("east").id
    web.stores.states.failed(cluster_id, "x" * 1000)
    assert web.stores.states.failure(cluster_id) == "x" * 300
    known = cluster(web, "west")
    assert web.stores.states.failure(known.id) == ""


def test_everybody_who_is_signed_in_may_look_and_a_stranger_name_is_404(web: Web) -> None:
    cluster(web)
    web.person("mia")
    for part in ("checks", "link"):
        assert web.get(f"/clusters/east/{part}", user="mia").status_code == 200
        assert web.get(f"/clusters/west/{part}").status_code == 404
        assert web.get(f"/clusters/east/{part}", user=None).status_code == 401


def test_both_are_described(web: Web) -> None:
    paths: Any = web.get("/openapi.json").json["paths"]  # type: ignore[index]
    for part, shape in (("checks", "ChecksOut"), ("link", "LinkOut")):
        answer = paths[f"/clusters/{{name}}/{part}"]["get"]["responses"]["200"]
        schema = answer["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{shape}"}


def test_of_a_removed_cluster_the_history_alone_is_kept(web: Web, redis: Redis) -> None:
    made = cluster(web)
    presence(redis, made.id)
    web.stores.states.failed(made.id, "no")
    web.delete("/clusters/east")
    assert redis.exists(keys.relay_contact(made.id), keys.relay_history(made.id)) == 2
    assert not redis.exists(keys.cluster_failure(made.id), keys.relay_identity(made.id))
