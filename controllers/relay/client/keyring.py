"""What the client must not forget, in the Secret ``neurox-relay-key``."""

from collections.abc import Mapping
from dataclasses import dataclass

from controllers.relay.client.kubernetes import Kubernetes, KubernetesError, Secret
from controllers.relay.identity import IdentityError, PrivateKey

SECRET = "neurox-relay-key"  # noqa: S105 - the name of an object


@dataclass(frozen=True)
class Member:
    """A cluster that has joined: who it is, and where its hub is."""

    cluster_id: str
    server: str
    ca_pem: str | None
    key: PrivateKey


@dataclass(frozen=True)
class Kept:
    """What the Secret holds; all of it is missing at first."""

    key: PrivateKey | None
    member: Member | None
    token_id: str
    """Of the join token that was used; its secret part is not kept."""
    successor: PrivateKey | None = None
    """The key that is to follow: the hub may know it already, or not yet."""
    made_at: float | None = None
    """When the key was first used, in epoch seconds; None when it was not written down."""


class Keyring:
    """Reads and writes the Secret, never over somebody else's change."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes
        self._version = ""

    async def load(self) -> Kept:
        """What is kept now. KubernetesError."""
        secret = await self._kubernetes.secret(SECRET)
        self._version = secret.version
        return _kept(secret)

    async def save_key(self, key: PrivateKey) -> None:
        """Keep a new key; SecretChanged when another replica was faster."""
        await self._patch({"key": key.pem()})

    async def save_successor(self, key: PrivateKey) -> None:
        """Keep the key that is to follow, before anybody is shown it."""
        await self._patch({"next-key": key.pem()})

    async def save_made(self, made_at: float) -> None:
        """Keep when the key was first used."""
        await self._patch({"key-made": repr(made_at)})

    async def promote(self, key: PrivateKey, made_at: float) -> None:
        """The successor is the key now; the one before it is forgotten."""
        await self._patch({"key": key.pem(), "next-key": "", "key-made": repr(made_at)})

    async def save_member(self, member: Member, token_id: str) -> None:
        """Keep where the hub is."""
        await self._patch(_place(member, token_id))

    async def save_joined(self, member: Member, token_id: str) -> None:
        """Keep what joining has brought; the key that was used is the key now."""
        key = {"key": member.key.pem(), "next-key": "", "key-made": ""}
        await self._patch(_place(member, token_id) | key)

    async def _patch(self, data: dict[str, str]) -> None:
        secret = await self._kubernetes.patch_secret(SECRET, data, self._version)
        self._version = secret.version


def _place(member: Member, token_id: str) -> dict[str, str]:
    return {
        "cluster-id": member.cluster_id,
        "server": member.server,
        "ca.crt": member.ca_pem or "",
        "token-id": token_id,
    }


def _kept(secret: Secret) -> Kept:
    data = secret.data
    key, successor = _key(data, "key"), _key(data, "next-key")
    member = None
    if key is not None and data.get("cluster-id") and data.get("server"):
        member = Member(data["cluster-id"], data["server"], data.get("ca.crt") or None, key)
    return Kept(key, member, data.get("token-id", ""), successor, _time(data.get("key-made")))


def _key(data: Mapping[str, str], name: str) -> PrivateKey | None:
    try:
        return PrivateKey.from_pem(data[name]) if data.get(name) else None
    except IdentityError as failure:
        raise KubernetesError(f"{name} in Secret {SECRET} cannot be used: {failure}") from None


def _time(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
