"""What a person can learn of a cluster's link: all of it was noted by a real relay-server."""

import signal
import time
import uuid
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
import requests

from controllers.relay import join
from controllers.relay.identity import PrivateKey
from controllers.store import keys
from controllers.store.links import Contact, Link, Links

WELL = {"content-type": "application/x-protobuf"}


@pytest.fixture
def link(hub: Any) -> Callable[[str], Link]:
    """What is known of a cluster's link."""
    return Links(hub.redis).of


def test_a_cluster_that_was_never_heard_of_has_no_notes(hub: Any, link: Any) -> None:
    known = link(hub.record("quiet"))
    assert known.contact == Contact()
    assert not known.connected
    assert known.history == ()


def test_a_cluster_that_connects_is_noted_with_version_round_trip_and_bytes(
    site: Any, link: Any, eventually: Any
) -> None:
    def measured() -> bool:
        contact = link(site.cluster_id).contact
        return contact.rtt is not None and contact.bytes_in > 0 and contact.bytes_out > 0

    eventually("round trip and bytes", measured, 40)
    known = link(site.cluster_id)
    assert known.connected
    assert known.contact.version == version("neurox")
    assert 0 < known.contact.rtt < 1
    assert known.joined_at <= known.contact.admitted_at <= known.contact.heard_at <= time.time()
    assert known.contact.refused_at is None
    assert [turn.connected for turn in known.history] == [True]


def test_how_a_connection_went_is_told(hub: Any, site: Any, link: Any, eventually: Any) -> None:
    eventually("the first turn", lambda: link(site.cluster_id).history)
    site.program.stop()
    eventually("two turns", lambda: len(link(site.cluster_id).history) == 2)
    newest = link(site.cluster_id).history[0]
    assert not newest.connected
    assert newest.reason == "the other side closed it: draining"


def test_a_client_that_is_killed_is_noted_as_such(site: Any, link: Any, eventually: Any) -> None:
    eventually("the first turn", lambda: link(site.cluster_id).history)
    site.program.process.send_signal(signal.SIGKILL)
    eventually("two turns", lambda: len(link(site.cluster_id).history) == 2)
    assert "closed without a word" in link(site.cluster_id).history[0].reason


def test_taken_access_is_the_reason_that_is_told(
    hub: Any, site: Any, link: Any, eventually: Any
) -> None:
    eventually("the first turn", lambda: link(site.cluster_id).history)
    join.revoke(hub.redis, site.cluster_id)

    def told() -> bool:
        known = link(site.cluster_id)
        return known.history[0].reason == "revoked" and known.contact.refused_status == 403

    eventually("the reason, and the refusal of the next dial", told)
    assert "new join token" in link(site.cluster_id).contact.refused
    assert link(site.cluster_id).joined_at is None


def test_metrics_are_noted_when_they_are_taken_and_when_not(
    hub: Any, site: Any, link: Any, eventually: Any
) -> None:
    assert site.write(b"samples", **WELL).ok
    eventually("metrics taken", lambda: link(site.cluster_id).contact.taken_at, 25)
    contact = link(site.cluster_id).contact
    assert contact.write_bytes == len(b"samples")
    assert contact.write_status == 200


def expired(hub: Any, made: str) -> str:
    return join.issue(hub.redis, made, -1.0).token


def superseded(hub: Any, made: str) -> str:
    token = join.issue(hub.redis, made, 60.0).token
    join.issue(hub.redis, made, 60.0)
    return token


@pytest.mark.parametrize(
    ("make", "words"), [(expired, "has expired"), (superseded, "newer join token")]
)
def test_a_refused_join_is_noted_with_its_words(
    hub: Any, link: Any, eventually: Any, make: Any, words: str
) -> None:
    made = hub.record(uuid.uuid4().hex[:8])
    assert redeem(hub, make(hub, made)).status_code == 401
    eventually("the refusal", lambda: link(made).contact.refused_at)
    contact = link(made).contact
    assert words in contact.refused
    assert contact.heard_at == contact.refused_at


def redeem(hub: Any, token: str) -> requests.Response:
    body = {
        "token": token,
        "public_key": PrivateKey.generate().public,
        "cluster_uid": str(uuid.uuid4()),
        "version": "0.2.0",
    }
    return requests.post(hub.url + "/relay/v1/join", json=body, verify=hub.ca, timeout=5)


def test_a_guessed_secret_leaves_no_note(hub: Any, link: Any, eventually: Any) -> None:
    """The id of a token is no secret: who knows only that must not turn a check-list red."""
    made = hub.record(uuid.uuid4().hex[:8])
    token = join.issue(hub.redis, made, 60.0).token
    assert redeem(hub, token[:-3] + "AAA").status_code == 401
    assert redeem(hub, token).status_code == 200
    eventually("the join", lambda: link(made).contact.admitted_at)
    assert link(made).contact.refused_at is None


def test_another_protocol_is_noted_so_that_the_page_can_say_upgrade(
    hub: Any, link: Any, eventually: Any
) -> None:
    made = hub.record(uuid.uuid4().hex[:8])
    key = PrivateKey.generate()
    headers = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-protocol": "neurox-relay.v0",
        "authorization": f"Bearer {key.token(made, 'neurox-relay', time.time())}",
    }
    where = hub.url + "/relay/v1/connect"
    assert requests.get(where, headers=headers, verify=hub.ca, timeout=5).status_code == 426
    eventually("the refusal", lambda: link(made).contact.refused_status == 426)
    del headers["upgrade"]
    assert requests.get(where, headers=headers, verify=hub.ca, timeout=5).status_code == 400
    eventually("the proxy's fault", lambda: "upgrade" in link(made).contact.refused)


def test_a_stranger_makes_no_keys(hub: Any, eventually: Any) -> None:
    stranger = str(uuid.uuid4())
    known = hub.record(uuid.uuid4().hex[:8])
    for cluster_id in (stranger, known):
        token = PrivateKey.generate().token(cluster_id, "neurox-relay", time.time())
        headers = {"authorization": f"Bearer {token}", "content-length": "0"}
        answer = requests.post(
            hub.url + "/relay/v1/write", headers=headers, verify=hub.ca, timeout=5
        )
        assert answer.status_code == 403
    # The stranger came first: once the other is noted, his note was dropped.
    eventually("the known one's note", lambda: hub.redis.exists(keys.relay_contact(known)))
    assert not hub.redis.exists(keys.relay_contact(stranger))
    assert 0 < hub.redis.ttl(keys.relay_contact(known)) <= 30 * 86400
