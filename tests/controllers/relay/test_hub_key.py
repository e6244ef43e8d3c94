"""Which keys of the hub a cluster takes: those that follow from one that it knows."""

import json

import pytest

from controllers.credentials.hub_key import CHAIN, GENERATION, SIGNING, hub_key
from controllers.relay.hub_key import (
    CHAIN_LENGTH,
    OVERLAP_SECONDS,
    HubKey,
    NotTrusted,
    Trusted,
    adopted,
    followed,
    read_chain,
    successor,
    usable,
)
from controllers.relay.identity import IdentityError, PrivateKey, key_id
from controllers.relay.message import Hello, Pool, encode

TOO_LONG = [{"public": PrivateKey.generate().public}] * (CHAIN_LENGTH + 1)
NOW = 1_800_000_000.0
FIRST = PrivateKey.generate()
SECOND, SECOND_ENTRY = successor(FIRST)
THIRD, THIRD_ENTRY = successor(SECOND)
CHAIN_OF_3 = (HubKey(FIRST.public), SECOND_ENTRY, THIRD_ENTRY)
KNOWS_FIRST = (Trusted(FIRST.public),)


def good(trusted: tuple[Trusted, ...], now: float = NOW) -> set[str]:
    return set(usable(trusted, now).values())


def test_who_joins_trusts_the_newest_key_alone() -> None:
    assert adopted(CHAIN_OF_3) == (Trusted(THIRD.public),)
    assert adopted(()) == ()


def test_a_successor_is_taken_and_both_are_good_for_a_day() -> None:
    trusted = followed(KNOWS_FIRST, CHAIN_OF_3[:2], NOW)
    assert good(trusted) == {FIRST.public, SECOND.public}
    assert good(trusted, NOW + OVERLAP_SECONDS + 1) == {SECOND.public}


def test_a_cluster_that_missed_one_takes_the_next_by_way_of_it() -> None:
    assert THIRD.public in good(followed(KNOWS_FIRST, CHAIN_OF_3, NOW))


def test_the_same_chain_again_changes_nothing_and_an_older_one_neither() -> None:
    trusted = followed(KNOWS_FIRST, CHAIN_OF_3, NOW)
    assert followed(trusted, CHAIN_OF_3, NOW + 60) == trusted
    assert followed(trusted, CHAIN_OF_3[:1], NOW + 60) == trusted


def test_a_key_that_was_replaced_a_day_ago_signs_nothing_any_more() -> None:
    later = NOW + OVERLAP_SECONDS + 1
    trusted = followed(KNOWS_FIRST, CHAIN_OF_3[:2], NOW)
    forged, entry = successor(FIRST)
    with pytest.raises(NotTrusted, match="never known"):
        followed(trusted, (HubKey(FIRST.public), entry), later)
    assert forged.public not in good(trusted, later)


STRANGER, STRANGERS_ENTRY = successor(PrivateKey.generate())


@pytest.mark.parametrize(
    ("offered", "words"),
    [
        ((), "never known"),
        ((HubKey(STRANGER.public),), "never known"),
        ((HubKey(FIRST.public), HubKey(STRANGER.public)), "is not signed by"),
        ((HubKey(FIRST.public), STRANGERS_ENTRY), "is not signed by"),
        ((HubKey(FIRST.public), HubKey(STRANGER.public, SECOND_ENTRY.signature)), "not signed"),
        ((HubKey(FIRST.public), HubKey(SECOND.public, "\u00e9!")), "is not signed by"),
        ((HubKey(FIRST.public), THIRD_ENTRY), "is not signed by"),
        ((*CHAIN_OF_3[:2], STRANGERS_ENTRY), "is not signed by"),
        ((STRANGERS_ENTRY, HubKey(FIRST.public), STRANGERS_ENTRY), "is not signed by"),
    ],
)
def test_a_key_that_does_not_follow_is_refused(offered: tuple[HubKey, ...], words: str) -> None:
    with pytest.raises(NotTrusted, match=words):
        followed(KNOWS_FIRST, offered, NOW)


def test_a_key_has_one_successor_also_while_both_are_good() -> None:
    trusted = followed(KNOWS_FIRST, CHAIN_OF_3[:2], NOW)
    _, entry = successor(FIRST)
    with pytest.raises(NotTrusted, match=f"another successor to its key {FIRST.kid}"):
        followed(trusted, (HubKey(FIRST.public), entry), NOW + 1)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "null", '["x"]', '[{"public": 5}]', '[{"public": "a"}]', TOO_LONG],
)
def test_a_chain_that_is_none_is_refused_in_words(text: str | list[object]) -> None:
    with pytest.raises(IdentityError, match=r"the hub|public key"):
        read_chain(text if isinstance(text, str) else json.dumps(text))


def test_the_signing_key_is_made_once_and_each_successor_by_raising_the_generation() -> None:
    first = hub_key({}, 1)
    assert hub_key(first, 1) == first
    second = hub_key(first, 2)
    assert hub_key(second, 2) == second
    assert hub_key(second, 1) == second, "a rollback of the chart keeps the newer key"
    assert second[GENERATION] == "2"
    assert second[SIGNING].endswith(first[SIGNING]), "the former key, for clusters behind"
    known = adopted(read_chain(first[CHAIN]))
    newest = PrivateKey.from_pem(second[SIGNING].removesuffix(first[SIGNING]))
    assert good(followed(known, read_chain(second[CHAIN]), NOW)) > {newest.public}


def test_the_longest_chain_fits_into_a_hello_beside_all_else() -> None:
    held = hub_key({}, 1)
    for generation in range(2, CHAIN_LENGTH + 4):
        held = hub_key(held, generation)
    chain = read_chain(held[CHAIN])
    assert len(chain) == CHAIN_LENGTH
    assert held[SIGNING].count("BEGIN PRIVATE KEY") == 2
    hello = Hello("r" * 63, Pool(4, 8, 64), 20.0, replicas=("r" * 63,) * 16, hub_keys=chain)
    assert len(encode(hello)) < 4096
    assert key_id(chain[-1].public) in usable(adopted(chain), NOW)
