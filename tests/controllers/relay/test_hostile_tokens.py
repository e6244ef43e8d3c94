"""Tokens that prove nothing: refused at the door for links and for metrics alike."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from controllers.relay import join, websocket
from controllers.relay.identity import CONNECT, WRITE, PrivateKey
from tests.controllers.relay.raw import ask, redeem


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class Forger:
    """Makes tokens by hand for a cluster whose key it may hold."""

    cluster_id: str
    key: PrivateKey
    audience: str
    other_id: str
    other: PrivateKey

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        whole = {"sub": self.cluster_id, "aud": self.audience, "iat": now, "exp": now + 60}
        return {**whole, "jti": base64.b64encode(time.time_ns().to_bytes(8)).decode(), **changes}

    def token(
        self,
        claims: dict[str, Any] | None = None,
        header: dict[str, Any] | None = None,
        signer: PrivateKey | None = None,
    ) -> str:
        head = {"alg": "EdDSA", "typ": "JWT", "kid": self.key.kid} | (header or {})
        text = f"{part(head)}.{part(claims or self.claims())}"
        return f"{text}.{part((signer or self.key)._key.sign(text.encode()))}"

    def by_public_key(self) -> str:
        """Signed as if the public key were a shared secret."""
        text = f"{part({'alg': 'HS256', 'kid': self.key.kid})}.{part(self.claims())}"
        return (
            f"{text}.{part(hmac.digest(self.key.public.encode(), text.encode(), hashlib.sha256))}"
        )

    def shifted(self, seconds: int) -> str:
        now = int(time.time()) + seconds
        return self.token(self.claims(iat=now, exp=now + 60))


FORGERIES: dict[str, Callable[[Forger], str]] = {
    "none at all": lambda _: "",
    "no token": lambda _: "x",
    "three dots": lambda _: "...",
    "alg none": lambda f: f"{part({'alg': 'none', 'kid': f.key.kid})}.{part(f.claims())}.",
    "alg none, signed": lambda f: f.token(header={"alg": "none"}),
    "HS256 by the public key": lambda f: f.by_public_key(),
    "ES256": lambda f: f.token(header={"alg": "ES256"}),
    "no signature": lambda f: f.token().rpartition(".")[0] + ".",
    "half a signature": lambda f: f.token()[:-40],
    "another claim than signed": lambda f: ".".join(
        (f.token().split(".")[0], part(f.claims(exp=2**40)), f.token().split(".")[2])
    ),
    "a purpose of the other kind": lambda f: f.token(
        f.claims(aud=WRITE if f.audience == CONNECT else CONNECT)
    ),
    "a purpose of nobody": lambda f: f.token(f.claims(aud="neurox")),
    "no purpose": lambda f: f.token(f.claims(aud=None)),
    "expired": lambda f: f.shifted(-200),
    "from the future": lambda f: f.shifted(200),
    "good for a day": lambda f: f.token(f.claims(exp=int(time.time()) + 86400)),
    "no jti": lambda f: f.token(f.claims(jti=None)),
    "too long": lambda f: f.token(f.claims(x="y" * 2000)),
    "an unknown kid": lambda f: f.token(header={"kid": "0" * 16}),
    "no kid": lambda f: f.token(header={"kid": None}),
    "a path as kid": lambda f: f.token(header={"kid": "../../dev/null"}),
    "the kid of another cluster": lambda f: f.token(header={"kid": f.other.kid}, signer=f.other),
    "another cluster's key under our kid": lambda f: f.token(signer=f.other),
    "our key for another cluster": lambda f: f.token(f.claims(sub=f.other_id)),
    "a key that it brings itself": lambda f: f.token(
        header={"jwk": {"kty": "OKP", "crv": "Ed25519", "x": f.other.public}}, signer=f.other
    ),
    "an extension that must be understood": lambda f: f.token(header={"crit": ["x"], "x": 1}),
}


@pytest.fixture(scope="module", params=[CONNECT, WRITE])
def forger(hub: Any, request: pytest.FixtureRequest) -> Forger:
    return Forger(*hub.member(), request.param, *hub.member("other"))


def shown(hub: Any, forger: Forger, token: str) -> int:
    """The status that a token gets."""
    if forger.audience == CONNECT:
        return ask(hub, websocket.request("hub", websocket.new_key(), token, "t"))
    lines = ("POST /relay/v1/write HTTP/1.1", "host: hub", f"authorization: Bearer {token}")
    return ask(hub, "\r\n".join((*lines, "content-length: 1", "", "x")).encode())


def test_a_token_by_hand_is_as_good_as_any_and_only_once(hub: Any, forger: Forger) -> None:
    token = forger.token()
    assert shown(hub, forger, token) == (101 if forger.audience == CONNECT else 200)
    assert shown(hub, forger, token) == 401


@pytest.mark.parametrize("seconds", [-100, 100])
def test_two_minutes_of_skew_are_allowed(hub: Any, forger: Forger, seconds: int) -> None:
    assert shown(hub, forger, forger.shifted(seconds)) in (101, 200)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_proves_nothing_is_refused(hub: Any, forger: Forger, forgery: str) -> None:
    taken = len(hub.receive.seen)
    assert shown(hub, forger, FORGERIES[forgery](forger)) == 401
    assert len(hub.receive.seen) == taken
    assert "Traceback" not in hub.program.words()


def test_a_cluster_that_does_not_exist_has_no_access(hub: Any, forger: Forger) -> None:
    for subject in ("0000", "x" * 64):
        assert shown(hub, forger, forger.token(forger.claims(sub=subject))) == 403
    for subject in ("x" * 65, "a:b", "../x", "", 5, None):
        assert shown(hub, forger, forger.token(forger.claims(sub=subject))) == 401


def test_a_head_that_is_all_token_is_refused(hub: Any, forger: Forger) -> None:
    assert shown(hub, forger, "A" * 20_000) in (400, 431)


def test_halves_of_two_join_tokens_are_no_token(hub: Any) -> None:
    first = join.issue(hub.redis, hub.record("first"), 60).token.split("_", 2)
    second = join.issue(hub.redis, hub.record("second"), 60).token.split("_", 2)
    status, words = redeem(hub, f"nxj_{first[1]}_{second[2]}", PrivateKey.generate())
    assert (status, words[:33]) == (401, "This join token is not known here")


def test_a_join_token_joins_its_own_record_whatever_else_is_sent(hub: Any) -> None:
    mine, theirs = hub.record("mine"), hub.record("theirs")
    token = join.issue(hub.redis, mine, 60).token
    assert redeem(hub, token, PrivateKey.generate(), uid="uid-1") == (200, mine)
    assert not hub.redis.hexists(f"neurox:relay:identity:{theirs}", "uid")


def test_a_join_token_of_a_removed_record_is_not_known(hub: Any) -> None:
    cluster_id = hub.record("removed")
    token = join.issue(hub.redis, cluster_id, 60).token
    hub.redis.hdel("neurox:clusters", cluster_id)
    join.forget(hub.redis, cluster_id)
    assert redeem(hub, token, PrivateKey.generate())[0] == 401
