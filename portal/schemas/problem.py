"""Refusals."""

from typing import Literal

from pydantic import Field

from portal.schemas.base import Model


class FieldError(Model):
    """One input at fault."""

    location: Literal["body", "query", "path"] = Field(alias="in")
    field: str
    message: str


class Problem(Model):
    """An error as RFC 9457 ``application/problem+json``."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldError] = []
