"""The OpenAPI 3.1 description at ``/api/v1/openapi.json``."""

from typing import Any

from apiflask import APIFlask

from portal.problem import MEDIA_TYPE
from portal.schemas import Problem


def describe(app: APIFlask) -> None:
    """Set the texts, the ways to sign in, and errors as the problem documents that they are."""
    app.config["OPENAPI_VERSION"] = "3.1.0"
    app.config["INFO"] = {"description": "One place that shows and steers every GPU."}
    app.config["SERVERS"] = [{"url": "/api/v1"}]
    app.config["AUTO_404_RESPONSE"] = True
    app.config["HTTP_ERROR_SCHEMA"] = Problem.model_json_schema(
        by_alias=True, ref_template="#/components/schemas/{model}"
    )
    app.security_schemes = {
        "token": {"type": "http", "scheme": "bearer", "description": "An API token, nxu_..."},
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-neurox"},
    }
    app.spec_processor(_problems)


def _problems(spec: Any) -> Any:
    """Errors are documented under the media type that they are sent with."""
    spec["security"] = [{"token": []}, {"session": []}]
    for path in spec["paths"].values():
        for operation in path.values():
            if not isinstance(operation, dict):
                continue
            for status, response in operation.get("responses", {}).items():
                content = response.get("content", {})
                if str(status)[0] in "45" and "application/json" in content:
                    content[MEDIA_TYPE] = content.pop("application/json")
    return spec
