from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from controllers.credentials.kinds import KINDS, missing


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_made_once_is_complete_and_never_made_again(kind: str) -> None:
    made = missing(kind, {})
    assert made
    assert all(made.values())
    assert missing(kind, made) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_installations_get_the_same(kind: str) -> None:
    assert missing(kind, {}) != missing(kind, {})


def test_a_password_that_somebody_chose_is_kept() -> None:
    assert missing("redis", {"password": "mine"}) == {"auth.conf": "requirepass mine\n"}
    assert missing("admin", {"password": "correct horse"}) == {}


def test_half_an_authority_is_made_anew_as_a_whole() -> None:
    first = missing("authority", {})
    again = missing("authority", {"ca.crt": first["ca.crt"]})
    assert set(again) == {"ca.crt", "ca.key"}
    assert again["ca.crt"] != first["ca.crt"]


def test_the_authority_may_sign_one_level_and_lasts_ten_years() -> None:
    made = x509.load_pem_x509_certificate(missing("authority", {})["ca.crt"].encode())
    constraints = made.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 1)
    assert made.not_valid_after_utc > datetime.now(UTC) + timedelta(days=3600)
