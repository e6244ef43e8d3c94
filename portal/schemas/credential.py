"""What a cluster proves itself by, and who changed something about it."""

from datetime import datetime
from typing import Literal

from portal.schemas.base import Model


class RotationOut(Model):
    """How the last change of a key ended."""

    at: datetime
    ok: bool
    words: str
    """Why not, when it failed."""


class CredentialOut(Model):
    """The key that a cluster signs with; its private half never leaves the cluster."""

    state: Literal["none", "good", "revoked"] = "none"
    """none: it never joined. revoked: its access was taken back, and it has not joined since."""
    key_id: str | None = None
    created_at: datetime | None = None
    age_seconds: float | None = None
    rotates_at: datetime | None = None
    """When the cluster means to replace it."""
    rotation_asked_at: datetime | None = None
    """An admin asked for a new key, which is not there yet."""
    last_rotation: RotationOut | None = None
    former_key_id: str | None = None
    former_until: datetime | None = None
    """Until when the key before it is still good."""
    revoked_at: datetime | None = None


class AuditOut(Model):
    """Somebody changed something about a cluster: its access, or what people know it by."""

    id: int
    at: datetime
    user: str
    action: str
    cluster: str
    cluster_id: str
    """Tells clusters of one name apart."""
