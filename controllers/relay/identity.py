"""Who a client is: an Ed25519 key, and 60-second tokens (JWT, EdDSA) signed with it."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from controllers.relay.limits import SKEW_SECONDS, TOKEN_SECONDS

CONNECT = "neurox-relay.v1/connect"
WRITE = "neurox-relay.v1/write"
ROTATE = "neurox-relay.v1/rotate"
"""Audiences: a token for the one is no good for the other."""

TOKEN_CHARACTERS = 2048
_KEY_BYTES = 32
_PUBLIC = re.compile(r"[A-Za-z0-9_-]{43}")
_CLUSTER = re.compile(r"[A-Za-z0-9-]{1,64}")


class IdentityError(Exception):
    """The token proves nothing; the message says why, without the token, ``reason`` in one word."""

    def __init__(self, words: str, reason: str = "bad") -> None:
        super().__init__(words)
        self.reason = reason


@dataclass(frozen=True)
class Claim:
    """What a token says before it is verified."""

    cluster_id: str
    kid: str


@dataclass(frozen=True)
class Proof:
    """A verified token; ``jti`` is the name that its maker gave it."""

    cluster_id: str
    kid: str
    jti: str


class PrivateKey:
    """A client's key; its text form never leaves its Secret."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = _base64url(key.public_key().public_bytes_raw())
        self.kid = key_id(self.public)

    def __repr__(self) -> str:
        return f"PrivateKey(kid={self.kid!r})"

    @classmethod
    def generate(cls) -> "PrivateKey":
        """A new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: str) -> "PrivateKey":
        """The first key of an unencrypted PKCS 8 text; IdentityError when there is none."""
        try:
            key = serialization.load_pem_private_key(pem.encode(), None)
        except (ValueError, TypeError):
            raise IdentityError("this is not a private key in PEM form") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise IdentityError("this is not an Ed25519 key")
        return cls(key)

    def pem(self) -> str:
        """The text form, for the Secret."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def sign(self, data: bytes) -> str:
        """The signature of what is no token, in base64url."""
        return _base64url(self._key.sign(data))

    def token(
        self, cluster_id: str, audience: str, now: float, more: Mapping[str, str] | None = None
    ) -> str:
        """A token of one use and 60 seconds; ``more`` is what else it claims."""
        claims = {
            **(more or {}),
            "sub": cluster_id,
            "aud": audience,
            "iat": int(now),
            "exp": int(now) + TOKEN_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self.kid})


def public_key(text: str) -> Ed25519PublicKey:
    """The key of 43 characters of base64url; IdentityError when it is none.

    A key has one text: another of the same bytes would have another id.
    """
    raw = base64.urlsafe_b64decode(text + "=") if _PUBLIC.fullmatch(text) else b""
    if len(raw) != _KEY_BYTES or _base64url(raw) != text:
        raise IdentityError("this is not an Ed25519 public key")
    return Ed25519PublicKey.from_public_bytes(raw)


def signed(public: str, data: bytes, signature: str) -> bool:
    """Whether the signature of ``data`` is by that public key."""
    try:
        public_key(public).verify(base64.urlsafe_b64decode(signature + "=="), data)
    except (IdentityError, InvalidSignature, ValueError):
        return False
    return True


def key_id(public: str) -> str:
    """The name of a public key: the start of its SHA-256."""
    return hashlib.sha256(public.encode()).hexdigest()[:16]


def claimed(token: str) -> Claim:
    """Whose keys to verify with; nothing here is true yet."""
    if not token or len(token) > TOKEN_CHARACTERS:
        raise IdentityError("there is no token", "absent")
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        subject = jwt.decode(token, options={"verify_signature": False}).get("sub")
    except jwt.PyJWTError:
        raise IdentityError("the token cannot be read") from None
    if not isinstance(kid, str) or not isinstance(subject, str):
        raise IdentityError("the token names no cluster or no key")
    if not _CLUSTER.fullmatch(subject):
        raise IdentityError("the token names no cluster")
    return Claim(subject, kid)


def verify(token: str, keys: Mapping[str, str], audience: str) -> Proof:
    """The proof in a token by one of ``keys`` (key id to public key); IdentityError otherwise."""
    claims = verified(token, keys, audience)
    return Proof(claims["sub"], claimed(token).kid, str(claims["jti"]))


def verified(token: str, keys: Mapping[str, str], audience: str) -> dict[str, Any]:
    """All that a token by one of ``keys`` claims, each of it proven; IdentityError otherwise."""
    claim = claimed(token)
    if claim.kid not in keys:
        raise IdentityError(
            "the token is signed by a key that this cluster does not have", "unknown_key"
        )
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            public_key(keys[claim.kid]),
            algorithms=["EdDSA"],
            audience=audience,
            leeway=SKEW_SECONDS,
            options={"require": ["exp", "iat", "aud", "jti", "sub"]},
        )
    except jwt.ExpiredSignatureError:
        raise IdentityError("the token has expired; check the clocks", "expired") from None
    except jwt.ImmatureSignatureError:
        raise IdentityError("the token is from the future; check the clocks", "early") from None
    except jwt.PyJWTError:
        raise IdentityError("the token's signature or claims are wrong") from None
    exp, iat = claims["exp"], claims["iat"]
    if not isinstance(exp, int | float) or not isinstance(iat, int | float):
        raise IdentityError("the token's times are not numbers")
    if exp - iat > TOKEN_SECONDS:
        raise IdentityError(f"the token lasts longer than {TOKEN_SECONDS} s")
    return claims


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
