from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from controllers.credentials.kinds import KINDS, Known, missing
from controllers.relay.kubeconfig import parse_kubeconfig
from controllers.store.secret import digest

OTHER = "-----BEGIN CERTIFICATE-----\nother\n"
KNOWN = Known({"authority": {"ca.crt": "-----BEGIN CERTIFICATE-----\n"}}, "https://neurox-edge")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_made_once_is_complete_and_never_made_again(kind: str) -> None:
    made = missing(kind, {}, KNOWN)
    assert made
    assert all(made.values())
    assert missing(kind, made, KNOWN) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_installations_get_the_same(kind: str) -> None:
    assert missing(kind, {}, KNOWN) != missing(kind, {}, KNOWN)


def test_a_password_that_somebody_chose_is_kept() -> None:
    assert missing("redis", {"password": "mine"}, KNOWN) == {"auth.conf": "requirepass mine\n"}
    assert missing("admin", {"password": "correct horse"}, KNOWN) == {}


def test_the_invitation_carries_a_token_whose_hash_lies_beside_it() -> None:
    made = missing("invitation", {}, KNOWN)
    read = parse_kubeconfig(made["kubeconfig"])
    assert read.server == "https://neurox-edge/relay/v1/join"
    assert read.ca_pem == "-----BEGIN CERTIFICATE-----\n"
    _, token_id, secret = read.token.split("_", 2)
    assert made["local"] == f"{token_id}:{digest(secret)}"


@pytest.mark.parametrize(
    ("filled", "ca"),
    [({}, None), ({"authority": {"ca.crt": OTHER}}, OTHER)],
)
def test_the_invitation_follows_our_address_with_the_same_token(
    filled: dict[str, dict[str, str]], ca: str | None
) -> None:
    first = missing("invitation", {}, KNOWN)
    today = Known(filled, "https://neurox.example")
    moved = missing("invitation", first, today)
    assert set(moved) == {"kubeconfig"}
    read = parse_kubeconfig(moved["kubeconfig"])
    assert read.server == "https://neurox.example/relay/v1/join"
    assert read.ca_pem == ca
    assert read.token == parse_kubeconfig(first["kubeconfig"]).token
    assert missing("invitation", first | moved, today) == {}


def test_an_invitation_that_somebody_wrote_by_hand_stays_while_its_address_is_ours() -> None:
    first = missing("invitation", {}, KNOWN)
    by_hand = {**first, "kubeconfig": "# mine\n" + first["kubeconfig"]}
    assert missing("invitation", by_hand, KNOWN) == {}
    assert missing("invitation", by_hand, Known({}, KNOWN.server)) == {}
    assert missing("invitation", {**first, "kubeconfig": "not: ours"}, KNOWN) == {}


def test_half_an_authority_is_made_anew_as_a_whole() -> None:
    first = missing("authority", {}, KNOWN)
    again = missing("authority", {"ca.crt": first["ca.crt"]}, KNOWN)
    assert set(again) == {"ca.crt", "ca.key"}
    assert again["ca.crt"] != first["ca.crt"]


def test_the_authority_may_sign_one_level_and_lasts_ten_years() -> None:
    made = x509.load_pem_x509_certificate(missing("authority", {}, KNOWN)["ca.crt"].encode())
    constraints = made.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 1)
    assert made.not_valid_after_utc > datetime.now(UTC) + timedelta(days=3600)
