"""What each of our Secrets holds, how a key that it lacks is made, and what follows us. No I/O."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from controllers.credentials.authority import new_authority
from controllers.credentials.hub_key import hub_key
from controllers.relay import join
from controllers.relay.kubeconfig import KubeconfigError, parse_kubeconfig
from controllers.store.secret import digest, new_password, new_secret

Held = Mapping[str, str]
OWN_CLUSTER = "local"
"""What the cluster that Neurox itself runs in is called."""


@dataclass(frozen=True)
class Known:
    """What a Secret may be made from: those filled before it, by kind, our own address and CA."""

    filled: Mapping[str, Held]
    server: str = ""
    given_ca: str | None = None
    """A private CA that somebody else keeps."""

    hub_generation: int = 1
    """Of the key that clusters know us by: how many there have been."""

    @property
    def ca(self) -> str | None:
        """What signs the certificate at our address; None where it is not for us to know."""
        return self.filled.get("authority", {}).get("ca.crt") or self.given_ca


def redis(held: Held, _: Known) -> dict[str, str]:
    """The password, and the line of configuration that asks for it."""
    password = held.get("password") or new_secret()
    return {"password": password, "auth.conf": f"requirepass {password}\n"}


def relay(held: Held, _: Known) -> dict[str, str]:
    """The token by which the control plane's own processes enter the relay-server."""
    return {"token": held.get("token") or new_secret()}


def hub(held: Held, known: Known) -> dict[str, str]:
    """The key by which clusters know us; it is made once, and each successor by the one before."""
    return hub_key(held, known.hub_generation)


def admin(held: Held, _: Known) -> dict[str, str]:
    """The first password of the first account."""
    return {"password": held.get("password") or new_password()}


def authority(held: Held, _: Known) -> dict[str, str]:
    """The CA by which the edge signs its own certificates; key and certificate are one thing."""
    if held.get("ca.crt") and held.get("ca.key"):
        return {name: held[name] for name in ("ca.crt", "ca.key")}
    return new_authority(datetime.now(UTC))


def invitation(held: Held, known: Known) -> dict[str, str]:
    """A join token for the cluster that we are in, and its hash for the control-manager.

    The token is made once; server and CA are those of today, which a joined cluster follows.
    """
    if held.get("kubeconfig"):
        return {**held, "kubeconfig": _moved(held["kubeconfig"], known)}
    token_id, secret = secrets.token_hex(8), new_secret()
    token = f"{join.PREFIX}{token_id}_{secret}"
    return {
        "kubeconfig": join.kubeconfig(known.server, known.ca, token),
        OWN_CLUSTER: f"{token_id}:{digest(secret)}",
    }


def _moved(kubeconfig: str, known: Known) -> str:
    """The same token at our address of today; what cannot be read is not ours to write."""
    try:
        before = parse_kubeconfig(kubeconfig)
    except KubeconfigError:
        return kubeconfig
    same_server = before.server == known.server.rstrip("/") + join.JOIN_PATH
    # Where we have no CA to give, somebody may have put one there: it stays while the address does.
    if same_server and known.ca in (None, before.ca_pem):
        return kubeconfig
    return join.kubeconfig(known.server, known.ca, before.token)


KINDS: dict[str, Callable[[Held, Known], dict[str, str]]] = {
    "redis": redis,
    "relay": relay,
    "hub": hub,
    "admin": admin,
    "authority": authority,
    "invitation": invitation,
}


def missing(kind: str, held: Held, known: Known) -> dict[str, str]:
    """The keys to write, with values; empty once the Secret holds all that it should."""
    wanted = KINDS[kind](held, known)
    return {name: value for name, value in wanted.items() if held.get(name) != value}
