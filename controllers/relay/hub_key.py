"""The control plane's own keys, as clusters know them: a chain, each signed by the one before it.

A cluster gets the chain when it joins, and again over each link; once it knows one key of it, it
takes what that one has signed, and nothing else. Pure, but for the making of a key.
"""

from collections.abc import Sequence

import msgspec

from controllers.relay.identity import IdentityError, PrivateKey, key_id, public_key, signed

SECRET = "neurox-hub-keys"  # noqa: S105 - the name of an object
"""Where a cluster keeps them: `cluster-id`, and in `keys` those that it trusts."""
CHAIN_LENGTH = 8
"""As many keys as fit into a `hello`; a cluster that missed more has to join again."""
OVERLAP_SECONDS = 24 * 3600.0
"""How long a key is good once its successor is known."""
_CONTEXT = b"neurox-hub-key.v1\n"


class HubKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A public key of the control plane's, and its predecessor's signature; the first has none."""

    public: str
    signature: str = ""


class Trusted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key that the cluster takes orders by, in epoch seconds ``until``; None: it is current."""

    public: str
    until: float | None = None


class NotTrusted(Exception):
    """Keys that are offered do not follow from those that are known; the message says how."""


def read_chain(text: str | bytes) -> tuple[HubKey, ...]:
    """The chain as it is kept, oldest first. IdentityError when it is none."""
    try:
        chain = msgspec.json.decode(text, type=tuple[HubKey, ...])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise IdentityError("the hub's keys cannot be read") from None
    checked(chain)
    return chain


def checked(chain: Sequence[HubKey]) -> None:
    """IdentityError unless these are public keys, not too many of them."""
    if len(chain) > CHAIN_LENGTH:
        raise IdentityError(f"more than {CHAIN_LENGTH} keys of the hub")
    for key in chain:
        public_key(key.public)


def successor(predecessor: PrivateKey) -> tuple[PrivateKey, HubKey]:
    """A new key, and its entry in the chain."""
    made = PrivateKey.generate()
    return made, HubKey(made.public, predecessor.sign(_CONTEXT + made.public.encode()))


def adopted(offered: Sequence[HubKey]) -> tuple[Trusted, ...]:
    """What a cluster trusts that knows nothing yet: the newest key alone."""
    return tuple(Trusted(key.public) for key in offered[-1:])


def followed(
    known: Sequence[Trusted], offered: Sequence[HubKey], now: float
) -> tuple[Trusted, ...]:
    """What a cluster trusts that knows some: NotTrusted when the chain does not lead on from it.

    A key has one successor. So who steals a key that was replaced can do nothing with it.
    """
    publics = [key.public for key in offered]
    trusted = [key for key in known if key.until is None or key.until > now]
    at = max((publics.index(key.public) for key in trusted if key.public in publics), default=-1)
    if at < 0:
        raise NotTrusted("the hub shows keys that this cluster has never known")
    news = offered[at + 1 :]
    if news and trusted[-1].public != publics[at]:
        raise NotTrusted(f"the hub shows another successor to its key {key_id(publics[at])}")
    for key in news:
        last = trusted.pop().public
        if not signed(last, _CONTEXT + key.public.encode(), key.signature):
            raise NotTrusted(f"the hub's key {key_id(key.public)} is not signed by {key_id(last)}")
        trusted += [Trusted(last, now + OVERLAP_SECONDS), Trusted(key.public)]
    return tuple(trusted[-CHAIN_LENGTH:])


def usable(known: Sequence[Trusted], now: float) -> dict[str, str]:
    """The keys that are good now, by key id."""
    return {key_id(key.public): key.public for key in known if key.until is None or key.until > now}
