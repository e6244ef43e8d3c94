"""Local accounts, their tokens, and who is asking."""

from datetime import datetime

from pydantic import Field

from portal.schemas.base import Model


class UserIn(Model):
    """A local account. A password is only set, never shown."""

    password: str | None = Field(None, min_length=8, max_length=256)
    groups: list[str] = []
    admin: bool = False


class UserOut(Model):
    """An account without its secrets."""

    name: str
    groups: list[str]
    admin: bool
    created_at: datetime


class TokenIn(Model):
    """A token to be made; it replaces one of the same name."""

    name: str = Field(min_length=1, max_length=63)
    expires_seconds: int | None = Field(None, ge=60, le=366 * 24 * 3600)
    """From now; null: until it is replaced."""


class TokenOut(Model):
    """A new API token; ``token`` is shown this once."""

    id: str
    token: str
    expires_at: datetime | None


class Me(Model):
    """Who is asking."""

    name: str
    groups: list[str]
    admin: bool
