"""What is known of a cluster's keys: which are good, since when, and how their rotation goes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import msgspec
from redis import Redis

from controllers.store import keys

OVERLAP_SECONDS = 86400
"""How long a key goes on being good beside the one that took its place."""


@dataclass(frozen=True)
class Key:
    """A public key. ``until`` is None for the one in use; times are epoch seconds."""

    kid: str
    public: str
    made_at: float | None
    until: float | None


class Rotation(msgspec.Struct, frozen=True):
    """How the last one ended; ``words`` say why, when it failed."""

    at: float
    ok: bool
    words: str = ""


@dataclass(frozen=True)
class Credential:
    """A cluster's keys and what its client says of them; times are epoch seconds."""

    keys: tuple[Key, ...] = ()
    asked_at: float | None = None
    """When an admin asked for a new key that is not there yet."""
    revoked_at: float | None = None
    revoked_by: str = ""
    rotates_at: float | None = None
    skew_seconds: float | None = None
    """How far the cluster's clock is ahead of ours."""
    rotation: Rotation | None = None

    def good(self, now: float) -> dict[str, str]:
        """Key id to public key, of those that may sign."""
        return {key.kid: key.public for key in self.keys if key.until is None or now < key.until}

    def over(self, now: float) -> bool:
        """Whether a key's time is over, so that it can be forgotten."""
        return len(self.good(now)) < len(self.keys)

    @property
    def revoked(self) -> bool:
        """Its access was taken back, and it has not joined since."""
        return self.revoked_at is not None and self.current is None

    @property
    def current(self) -> Key | None:
        """The key in use."""
        return next((key for key in self.keys if key.until is None), None)

    @property
    def former(self) -> Key | None:
        """Of those that were replaced, the one that stays good the longest."""
        replaced = [key for key in self.keys if key.until is not None]
        return max(replaced, key=lambda key: key.until or 0.0, default=None)


def of(row: Mapping[bytes, bytes]) -> Credential:
    """What the hash of an identity says.

    What cannot be read is left out, so that one cluster's row harms no other; a key whose end is
    such is over.
    """
    texts = {_text(name): _text(value) for name, value in row.items()}

    def number(name: str, otherwise: float | None = None) -> float | None:
        try:
            return float(texts[name]) if name in texts else None
        except ValueError:
            return otherwise

    return Credential(
        keys=tuple(
            Key(kid, public, number(f"made:{kid}"), number(f"until:{kid}", otherwise=0.0))
            for kid, public in _keys(texts)
        ),
        asked_at=number("rotate"),
        revoked_at=number("revoked_at"),
        revoked_by=texts.get("revoked_by", ""),
        rotates_at=number("rotates_at"),
        skew_seconds=number("skew"),
        rotation=_rotation(texts.get("rotation", "")),
    )


def read(redis: Redis, cluster_ids: Iterable[str]) -> list[Credential]:
    """Those of several clusters, in one exchange."""
    with redis.pipeline(transaction=False) as pipe:
        for cluster_id in cluster_ids:
            pipe.hgetall(keys.relay_identity(cluster_id))
        return [of(cast(dict[bytes, bytes], row)) for row in pipe.execute()]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _rotation(text: str) -> Rotation | None:
    try:
        return msgspec.json.decode(text, type=Rotation)
    except msgspec.MsgspecError:
        return None


def _keys(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name[4:], value) for name, value in texts.items() if name.startswith("key:")]
