"""Tokens of a cluster that means harm: signed by its own key, and wrong."""

import base64
import json
import time
from typing import Any

import pytest

from controllers.relay.identity import CONNECT, IdentityError, PrivateKey, public_key, verify

KEY = PrivateKey.generate()


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def token(**changes: Any) -> str:
    """A token by hand, properly signed."""
    now = int(time.time())
    claims = {"sub": "c-1", "aud": CONNECT, "iat": now, "exp": now + 60, "jti": "x"} | changes
    text = f"{part({'alg': 'EdDSA', 'kid': KEY.kid})}.{part(claims)}"
    signature = base64.urlsafe_b64encode(KEY._key.sign(text.encode())).decode().rstrip("=")
    return f"{text}.{signature}"


def test_a_token_by_hand_is_as_good_as_any() -> None:
    proof = verify(token(), {KEY.kid: KEY.public}, CONNECT)
    assert (proof.cluster_id, proof.kid, proof.jti) == ("c-1", KEY.kid, "x")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"iat": float("-inf")},
        {"exp": str(int(time.time()) + 30)},
        {"iat": str(int(time.time()))},
        {"exp": int(time.time()) + 3600},
        {"iat": int(time.time()) - 3600},
        {"exp": None},
        {"aud": [1]},
        {"aud": "neurox-relay.v1"},
        {"jti": 5},
        {"jti": None},
        {"sub": "a/b"},
        {"sub": ["c-1"]},
        {"nbf": int(time.time()) + 3600},
    ],
)
def test_a_claim_that_is_odd_is_refused_in_words(changes: dict[str, Any]) -> None:
    with pytest.raises(IdentityError):
        verify(token(**changes), {KEY.kid: KEY.public}, CONNECT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY.public + "=",
        KEY.public + "\n",
        f"!{KEY.public}\0<",
        KEY.public[:-1],
        # The last character has four bits that count; another text of the same key, so.
        KEY.public[:-1] + chr(ord(KEY.public[-1]) + 1),
        KEY.public[:-1] + "+",
        KEY.public[:-1] + "é",
    ],
    # Each process makes another key, and the names of tests may not differ.
    ids=["empty", "padded", "line", "junk", "cut", "same bits", "plus", "accent"],
)
def test_a_public_key_has_one_text(text: str) -> None:
    assert public_key(KEY.public).public_bytes_raw()
    with pytest.raises(IdentityError):
        public_key(text)
