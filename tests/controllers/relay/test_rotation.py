"""A key is followed by another: by proof, once, with a day in which both are good."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from controllers.relay import credential, join, message
from controllers.relay.identity import CONNECT, ROTATE, PrivateKey
from controllers.relay.server import observed
from controllers.store import keys
from tests.controllers.relay.raw import ask, closed_within, connect, link, masked, tls, write
from tests.controllers.relay.scrape import samples


def known(hub: Any, cluster_id: str) -> credential.Credential:
    return credential.read(hub.redis, [cluster_id])[0]


def heard(sock: Any) -> Any:
    """The next control message."""
    first, second = sock.recv(2)
    assert first == 0x81
    length = second if second < 126 else int.from_bytes(sock.recv(2), "big")
    received = b""
    while len(received) < length:
        received += sock.recv(length - len(received))
    return message.decode(received)


def offer(
    cluster_id: str, holder: PrivateKey, new: PrivateKey, audience: str = ROTATE
) -> message.Rotate:
    now = time.time()
    return message.Rotate(
        public_key=new.public,
        token=holder.token(cluster_id, audience, now),
        proof=new.token(cluster_id, audience, now),
    )


def sent(hub: Any, cluster_id: str, holder: PrivateKey, asked: message.Rotate) -> message.Rotated:
    """The answer to it, on a link of its own."""
    with link(hub, cluster_id, holder) as sock:
        sock.sendall(masked(0x81, message.encode(asked)))
        answer = heard(sock)
    assert isinstance(answer, message.Rotated)
    return answer


def rotate(hub: Any, cluster_id: str, holder: PrivateKey, new: PrivateKey) -> message.Rotated:
    return sent(hub, cluster_id, holder, offer(cluster_id, holder, new))


def test_a_new_key_is_good_at_once_and_the_old_one_for_a_day(
    hub: Any, eventually: Callable[..., None]
) -> None:
    cluster_id, old = hub.member()
    new = PrivateKey.generate()
    assert rotate(hub, cluster_id, old, new) == message.Rotated(new.kid)
    assert connect(hub, cluster_id, new) == connect(hub, cluster_id, old) == 101
    found = known(hub, cluster_id)
    assert found.current is not None
    assert found.former is not None
    assert (found.current.kid, found.former.kid) == (new.kid, old.kid)
    assert found.former.until == pytest.approx(time.time() + 86400, abs=60)
    assert found.rotation is not None
    assert found.rotation.ok


def test_a_key_whose_day_is_over_is_forgotten_and_its_links_are_cut(
    hub: Any, eventually: Callable[..., None]
) -> None:
    cluster_id, old = hub.member()
    new = PrivateKey.generate()
    with link(hub, cluster_id, old) as before:
        rotate(hub, cluster_id, old, new)
        with link(hub, cluster_id, new) as after:
            identity = keys.relay_identity(cluster_id)
            hub.redis.hset(identity, f"until:{old.kid}", time.time() - 1)
            assert closed_within(before, 10)
            after.sendall(masked(0x89, b"still there?"))
            assert after.recv(2) == bytes((0x8A, 12))
    assert connect(hub, cluster_id, old) == 401
    eventually("it is forgotten", lambda: not hub.redis.hexists(identity, f"key:{old.kid}"))
    assert connect(hub, cluster_id, new) == 101


def test_new_keys_are_counted_by_what_became_of_them(hub: Any) -> None:
    cluster_id, old = hub.member()
    new, stranger = PrivateKey.generate(), PrivateKey.generate()
    before = by_label(hub, "rotations_total", "outcome")
    rotate(hub, cluster_id, old, new)
    rotate(hub, cluster_id, old, new)
    rotate(hub, cluster_id, old, stranger)
    sent(hub, cluster_id, old, offer(cluster_id, stranger, new))
    with link(hub, cluster_id, old) as sock:
        sock.sendall(masked(0x81, message.encode(message.Rotate(failed="the disk is full"))))
        sock.sendall(masked(0x89, b"1"))
        sock.recv(2)
    grown = by_label(hub, "rotations_total", "outcome")
    grown.subtract(before)
    assert +grown == {"done": 1, "again": 1, "former": 1, "unproven": 1, "failed": 1}
    assert set(before) == set(observed.ROTATIONS), "all are there from the start"


def by_label(hub: Any, name: str, *labels: str) -> Counter[Any]:
    """A counter's values by those of its labels."""
    return Counter(
        {
            tuple(had[each] for each in labels) if len(labels) > 1 else had[labels[0]]: count
            for known, had, count in samples(hub)
            if known == name
        }
    )


@pytest.mark.parametrize(
    ("take_back", "reason"),
    [
        (lambda hub, cluster_id, old: join.revoke(hub.redis, cluster_id), "no_access"),
        (
            lambda hub, cluster_id, old: hub.redis.hset(
                keys.relay_identity(cluster_id), f"until:{old.kid}", time.time() - 1
            ),
            "old_key",
        ),
    ],
)
def test_what_is_cut_with_its_key_is_counted_by_the_reason_and_by_no_cluster(
    hub: Any, take_back: Callable[[Any, str, PrivateKey], None], reason: str
) -> None:
    cluster_id, old = hub.member()
    before = by_label(hub, "revoked_total", "kind", "reason")
    with tls(hub) as writes, link(hub, cluster_id, old) as one, link(hub, cluster_id, old) as other:
        rotate(hub, cluster_id, old, PrivateKey.generate())
        writes.sendall(write(hub, cluster_id, old, 1000) + b"x")
        # By the time that this one is over, that one is under way.
        assert ask(hub, write(hub, cluster_id, old) + b"x") == 200
        take_back(hub, cluster_id, old)
        assert all(closed_within(sock, 10) for sock in (writes, one, other))
    grown = by_label(hub, "revoked_total", "kind", "reason")
    grown.subtract(before)
    assert +grown == {("connection", reason): 2, ("write", reason): 1}


def test_the_same_offer_again_changes_nothing(hub: Any) -> None:
    cluster_id, old = hub.member()
    new = PrivateKey.generate()
    rotate(hub, cluster_id, old, new)
    row = hub.redis.hgetall(keys.relay_identity(cluster_id))
    assert rotate(hub, cluster_id, old, new) == message.Rotated(new.kid)
    assert hub.redis.hgetall(keys.relay_identity(cluster_id)) == row


def test_a_key_that_was_replaced_names_no_other_successor(hub: Any) -> None:
    cluster_id, old = hub.member()
    new, thief = PrivateKey.generate(), PrivateKey.generate()
    rotate(hub, cluster_id, old, new)
    refusal = rotate(hub, cluster_id, old, thief).refusal
    assert refusal == "a key that was replaced already cannot be used for that"
    assert rotate(hub, cluster_id, new, old).refusal == refusal
    assert connect(hub, cluster_id, thief) == 401


STRANGER = PrivateKey.generate()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"proof": ""}, "there is no token"),
        ({"token": ""}, "there is no token"),
        ({"public_key": "x"}, "a key that this cluster does not have"),
        ({"public_key": STRANGER.public}, "a key that this cluster does not have"),
        ({"token": "own proof"}, "a key that this cluster does not have"),
        ({"token": STRANGER.token("another", ROTATE, 0)}, "of another cluster"),
        ({"token": "another purpose"}, "signature or claims"),
        ({"proof": "another cluster"}, "for another cluster"),
    ],
)
def test_a_key_that_nobody_proves_to_hold_is_refused_and_noted(
    hub: Any, changes: dict[str, str], words: str, eventually: Callable[..., None]
) -> None:
    (cluster_id, old), new = hub.member(), PrivateKey.generate()
    whole = offer(cluster_id, old, new)
    made = {
        "own proof": whole.proof,
        "another purpose": offer(cluster_id, old, new, CONNECT).token,
        "another cluster": offer("another", old, new).proof,
    }
    changes = {name: made.get(text, text) for name, text in changes.items()}
    asked = msgspec.structs.replace(whole, **changes)
    assert words in sent(hub, cluster_id, old, asked).refusal

    def noted() -> bool:
        outcome = known(hub, cluster_id).rotation
        return outcome is not None and not outcome.ok and words in outcome.words

    eventually("the refusal is kept", noted)
    assert len(known(hub, cluster_id).keys) == 1


def test_so_many_keys_are_good_at_once_and_no_more(hub: Any) -> None:
    cluster_id, key = hub.member()
    for _ in range(7):
        new = PrivateKey.generate()
        assert not rotate(hub, cluster_id, key, new).refusal
        key = new
    assert "eight keys" in rotate(hub, cluster_id, key, PrivateKey.generate()).refusal


def test_an_admins_wish_is_passed_on_until_it_is_fulfilled(hub: Any) -> None:
    cluster_id, old = hub.member()
    new = PrivateKey.generate()
    assert join.ask_rotation(hub.redis, cluster_id)
    with link(hub, cluster_id, old) as sock:
        for _ in range(2):
            assert heard(sock) == message.Rotate(kid=old.kid)
        assert known(hub, cluster_id).asked_at == pytest.approx(time.time(), abs=30)
        sock.sendall(masked(0x81, message.encode(offer(cluster_id, old, new))))
        assert heard(sock) == message.Rotated(new.kid)
    assert known(hub, cluster_id).asked_at is None


def test_a_cluster_without_a_key_cannot_be_asked(hub: Any) -> None:
    cluster_id = hub.record("never")
    assert not join.ask_rotation(hub.redis, cluster_id)
    assert known(hub, cluster_id) == credential.Credential()


def test_what_a_client_says_of_itself_is_kept_if_it_can_be(
    hub: Any, eventually: Callable[..., None]
) -> None:
    cluster_id, key = hub.member()
    with link(hub, cluster_id, key) as sock:
        sock.sendall(masked(0x81, message.encode(message.Report(1e300, 2e9))))
        eventually("the time is kept", lambda: known(hub, cluster_id).rotates_at == 2e9)
        assert known(hub, cluster_id).skew_seconds is None
        sock.sendall(masked(0x81, message.encode(message.Report(-61.5))))
        eventually("the skew is kept", lambda: known(hub, cluster_id).skew_seconds == -61.5)


def test_a_revoked_cluster_leaves_nothing_but_when_and_which_it_was(hub: Any) -> None:
    cluster_id, _ = hub.member()
    join.revoke(hub.redis, cluster_id)
    assert known(hub, cluster_id).revoked_at == pytest.approx(time.time(), abs=30)
    assert set(hub.redis.hgetall(keys.relay_identity(cluster_id))) == {
        b"revoked_at",
        b"revoked_by",
        b"uid",
    }
    join.forget(hub.redis, cluster_id)
    assert not hub.redis.exists(keys.relay_identity(cluster_id))
