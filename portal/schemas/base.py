"""What every model has in common, and a page of a list."""

from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item")
FRESH_SECONDS = 45.0
"""A report or sample older than this is not live any more."""


class Model(BaseModel):
    """Base of all: unknown fields are refused, so a typing mistake is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    may_be_absent: ClassVar[bool] = False
    """Whether a request without a body means all defaults."""


class Page(Model, Generic[Item]):
    """A page of a list; pass ``next_cursor`` back as ``cursor`` for the next one."""

    items: list[Item]
    next_cursor: str | None = None
    total: int
