"""A cluster's key as the API shows it."""

from controllers.relay.credential import Credential, Rotation
from portal.api.shapes.values import age, at, moment
from portal.schemas import CredentialOut, RotationOut


def credential_out(credential: Credential, now: float) -> CredentialOut:
    """The key in use, the one before it, and how they are changed."""
    current, former = credential.current, credential.former
    if former is not None and former.until is not None and former.until <= now:
        former = None
    if current is None:
        return CredentialOut(
            state="revoked" if credential.revoked else "none",
            revoked_at=moment(credential.revoked_at),
        )
    return CredentialOut(
        state="good",
        key_id=current.kid,
        created_at=moment(current.made_at),
        age_seconds=age(now, current.made_at),
        rotates_at=moment(credential.rotates_at),
        rotation_asked_at=moment(credential.asked_at),
        last_rotation=_rotation(credential.rotation),
        former_key_id=former.kid if former else None,
        former_until=moment(former.until) if former else None,
    )


def _rotation(rotation: Rotation | None) -> RotationOut | None:
    if rotation is None:
        return None
    return RotationOut(at=at(rotation.at), ok=rotation.ok, words=rotation.words)
