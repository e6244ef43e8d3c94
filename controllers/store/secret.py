"""Secrets that people carry: made here, stored only as their SHA-256."""

import hashlib
import secrets

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike


def new_secret() -> str:
    """256 random bits as 43 characters that are safe in a cookie and a header."""
    return secrets.token_urlsafe(32)


def new_password() -> str:
    """20 letters in four groups: 99 bits that can be read out."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))


def digest(secret: str) -> str:
    """What is stored. A fast hash suffices: 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
