"""What each of our Secrets holds, and how a key that it lacks is made. No I/O."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from controllers.credentials.authority import new_authority
from controllers.store.secret import new_password, new_secret

Held = Mapping[str, str]


def redis(held: Held) -> dict[str, str]:
    """The password, and the line of configuration that asks for it."""
    password = held.get("password") or new_secret()
    return {"password": password, "auth.conf": f"requirepass {password}\n"}


def relay(held: Held) -> dict[str, str]:
    """The token by which the control plane's own processes enter the relay-server."""
    return {"token": held.get("token") or new_secret()}


def admin(held: Held) -> dict[str, str]:
    """The first password of the first account."""
    return {"password": held.get("password") or new_password()}


def authority(held: Held) -> dict[str, str]:
    """The CA by which the edge signs its own certificates; key and certificate are one thing."""
    if held.get("ca.crt") and held.get("ca.key"):
        return {name: held[name] for name in ("ca.crt", "ca.key")}
    return new_authority(datetime.now(UTC))


KINDS: dict[str, Callable[[Held], dict[str, str]]] = {
    "redis": redis,
    "relay": relay,
    "admin": admin,
    "authority": authority,
}


def missing(kind: str, held: Held) -> dict[str, str]:
    """The keys to add, with values; empty once the Secret is filled."""
    return {name: value for name, value in KINDS[kind](held).items() if held.get(name) != value}
