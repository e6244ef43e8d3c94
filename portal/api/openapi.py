"""The OpenAPI 3.1 description at ``/api/v1/openapi.json``."""

import re
from typing import Any

from apiflask import APIFlask

from portal.api.listing import LIMIT, LIMIT_MOST
from portal.problem import MEDIA_TYPE
from portal.schemas import Problem

REFERENCE = "#/components/schemas/"
_PAGE = re.compile(r"Page\[(\w+)\]")

PAGING = {
    "limit": {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT},
    "cursor": {"type": "string", "description": "next_cursor of the page before"},
    "sort": {"type": "string", "description": "fields by comma; a leading - descends"},
    "q": {"type": "string", "description": "text that some field contains"},
}
DRY_RUN = {"dry_run": {"type": "boolean", "description": "check all, change nothing"}}


def describe(app: APIFlask) -> None:
    """Set the texts and the ways to sign in."""
    app.config["OPENAPI_VERSION"] = "3.1.0"
    app.config["INFO"] = {"description": "One place that shows and steers every GPU."}
    app.config["SERVERS"] = [{"url": "/api/v1"}]
    app.security_schemes = {
        "token": {"type": "http", "scheme": "bearer", "description": "An API token, nxu_..."},
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-neurox"},
    }
    app.spec_processor(_corrected)


def _corrected(spec: Any) -> Any:
    """What APIFlask cannot know: our errors, our lists, and that a model has one name."""
    spec = _renamed(spec)
    spec["security"] = [{"token": []}, {"session": []}]
    schemas = spec["components"]["schemas"]
    for foreign in ("HTTPError", "ValidationError"):
        schemas.pop(foreign, None)
    problem = Problem.model_json_schema(by_alias=True, ref_template=REFERENCE + "{model}")
    schemas |= problem.pop("$defs") | {"Problem": problem}
    for path in spec["paths"].values():
        for method, operation in path.items():
            if method in ("get", "put", "post", "patch", "delete"):
                _complete(method, operation)
    return spec


def _renamed(value: Any) -> Any:
    """``Page[A].A`` is A and ``Page[A]`` is APage: brackets are not allowed in names."""
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    if not isinstance(value, dict):
        in_models = isinstance(value, str) and value.startswith(REFERENCE)
        return REFERENCE + _name(value.removeprefix(REFERENCE)) if in_models else value
    return {
        _name(key) if "[" in key or "." in key else key: _renamed(v) for key, v in value.items()
    }


def _name(name: str) -> str:
    return _PAGE.sub(r"\1Page", name.rpartition(".")[2])


def _complete(method: str, operation: Any) -> None:
    responses = operation["responses"]
    for status in [status for status in responses if status[0] in "45"]:
        del responses[status]
    content = {MEDIA_TYPE: {"schema": {"$ref": REFERENCE + "Problem"}}}
    responses["default"] = {"description": "Refused or failed", "content": content}
    is_list = any("Page" in str(response.get("content")) for response in responses.values())
    more = DRY_RUN if method != "get" else PAGING if is_list else {}
    parameters = operation.setdefault("parameters", [])
    parameters += [{"name": name, "in": "query", "schema": more[name]} for name in more]
