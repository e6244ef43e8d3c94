"""Bodies against their models: nothing is converted, nothing unknown is dropped."""

import difflib
import json
from typing import Any

from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Flask, Request, Response
from pydantic import BaseModel, ValidationError

from portal import problem
from portal.schemas import FieldError, Model

WORDS = {
    "model_type": "a JSON object is expected",
    "dict_type": "a JSON object is expected",
    "list_type": "a list is expected",
    "string_type": "text is expected",
    "int_type": "a whole number is expected",
    "bool_type": "true or false is expected",
}
SECRET_FIELDS = frozenset({"password"})
"""What was sent in these is never repeated in an answer."""


class InvalidBody(Exception):
    """The body has the wrong shape; one error a field."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


class StrictAdapter(PydanticAdapter):
    """Takes a number for a number and text for text, unlike APIFlask's own."""

    def validate_input(self, request: Request, location: str, **_: Any) -> BaseModel:
        """The body as a model; InvalidBody names every field at fault."""
        if location != "json":
            raise ValueError(f"only JSON bodies are declared as input, not {location}")
        model: type[BaseModel] = self.model_class
        try:
            optional = issubclass(model, Model) and model.may_be_absent
            absent = optional and not request.get_data()
            return model.model_validate({} if absent else request.get_json(), strict=True)
        except ValidationError as invalid:
            raise InvalidBody(errors(model, invalid)) from None


registry.register("pydantic", StrictAdapter)


def errors(model: type[BaseModel], invalid: ValidationError) -> list[FieldError]:
    """What pydantic found, one sentence a field."""
    found = []
    for each in invalid.errors(include_url=False, include_context=False)[:20]:
        field = ".".join(str(part) for part in each["loc"])[:200]
        found.append(problem.field_error(field, _sentence(model, field, each)))
    return found


def _sentence(model: type[BaseModel], field: str, error: Any) -> str:
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field, model.model_fields, n=1)
        known = ", ".join(model.model_fields)
        hint = f"did you mean {near[0]!r}?" if near else f"known fields: {known}"
        return f"unknown field {field!r}; {hint}"
    if error["type"] == "missing":
        return f"{field} is missing"
    message = WORDS.get(error["type"]) or error["msg"][:1].lower() + error["msg"][1:]
    given = error["input"]
    scalar = isinstance(given, str | int | float | None) and field not in SECRET_FIELDS
    shown = f", not {json.dumps(given, ensure_ascii=False):.60}" if scalar else ""
    return f"{field or 'the body'}: {message}{shown}"


def register(app: Flask) -> None:
    """Let ``app`` answer 422 when a body does not fit."""

    @app.errorhandler(InvalidBody)
    def invalid_body(error: InvalidBody) -> Response:
        return problem.problem(422, str(error), error.errors)
