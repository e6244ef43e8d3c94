"""What every model has in common, and a page of a list."""

from typing import Any, ClassVar, Generic, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
)

Item = TypeVar("Item")
VERSION_HEADER = "Neurox-Version"
"""What says the version of the server in each answer that is no refusal."""
FRESH_SECONDS = 45.0
"""A report or sample older than this is not live any more."""


class Model(BaseModel):
    """Base of all: unknown fields are refused, so a typing mistake is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    may_be_absent: ClassVar[bool] = False
    """Whether a request without a body means all defaults."""


FIRST = {"release": "0.1"}
"""The context in which an answer is written for a client of 0.1."""


class Grown(Model):
    """An answer with fields that 0.1 did not have; a client of that refuses what it does not know.

    While a control plane is upgraded its old pages ask the new API, so they get what they know.
    """

    later: ClassVar[frozenset[str]]

    @model_serializer(mode="wrap")
    def _as_the_caller_knows_it(
        self, write: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        if info.context == FIRST:
            return {name: value for name, value in written.items() if name not in self.later}
        return written


class Page(Model, Generic[Item]):
    """A page of a list; pass ``next_cursor`` back as ``cursor`` for the next one."""

    items: list[Item]
    next_cursor: str | None = None
    total: int
