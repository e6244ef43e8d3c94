"""What the client must not forget, in the Secret ``neurox-relay-key``."""

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

    async def save_member(self, member: Member, token_id: str) -> None:
        """Keep what joining has brought."""
        await self._patch(
            {
                "cluster-id": member.cluster_id,
                "server": member.server,
                "ca.crt": member.ca_pem or "",
                "token-id": token_id,
            }
        )

    async def _patch(self, data: dict[str, str]) -> None:
        secret = await self._kubernetes.patch_secret(SECRET, data, self._version)
        self._version = secret.version


def _kept(secret: Secret) -> Kept:
    data = secret.data
    try:
        key = PrivateKey.from_pem(data["key"]) if data.get("key") else None
    except IdentityError as failure:
        raise KubernetesError(f"the key in Secret {SECRET} cannot be used: {failure}") from None
    member = None
    if key is not None and data.get("cluster-id") and data.get("server"):
        member = Member(data["cluster-id"], data["server"], data.get("ca.crt") or None, key)
    return Kept(key, member, data.get("token-id", ""))
