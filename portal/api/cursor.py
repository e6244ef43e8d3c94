"""Places in lists as opaque text; only what this API gave out is taken back. Pure."""

import base64
import binascii
import hmac
import json
from typing import Any

SEAL_BYTES = 16


class Forged(ValueError):
    """Not a cursor that was made with this key."""


def sealed(key: bytes, place: Any) -> str:
    """``place``, which JSON can carry, as a cursor."""
    text = json.dumps(place, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_seal(key, text) + text).decode().rstrip("=")


def opened(key: bytes, cursor: str) -> Any:
    """The place of a cursor; Forged when it is another's, or cut, or changed."""
    try:
        whole = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Forged from None
    seal, text = whole[:SEAL_BYTES], whole[SEAL_BYTES:]
    if not hmac.compare_digest(seal, _seal(key, text)):
        raise Forged
    return json.loads(text)


def _seal(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, b"cursor:" + text, "sha256")[:SEAL_BYTES]
