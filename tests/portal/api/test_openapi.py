"""The description of the API is whole and says what the API does."""

import json
import re
from typing import Any

import pytest
from neurox_web import Web


@pytest.fixture
def spec(web: Web) -> Any:
    return web.get("/openapi.json").json


def test_every_reference_leads_somewhere_and_every_name_is_legal(spec: Any) -> None:
    schemas = spec["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(spec)))
    assert references <= set(schemas)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in schemas)
    assert spec["openapi"] == "3.1.0"


def test_errors_are_described_as_the_problem_documents_that_they_are(spec: Any) -> None:
    for path in spec["paths"].values():
        for method in path.keys() & {"get", "put", "post", "patch", "delete"}:
            answer = path[method]["responses"]["default"]
            schema = answer["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}


def test_lists_can_be_paged_and_changes_rehearsed(spec: Any) -> None:
    def names(path: str, method: str) -> set[str]:
        return {each["name"] for each in spec["paths"][path][method]["parameters"]}

    assert {"limit", "cursor", "sort", "q"} <= names("/workloads", "get")
    assert "dry_run" in names("/workloads", "post")
    assert "dry_run" in names("/clusters/{name}", "patch")
    assert "limit" not in names("/workloads/{workload_id}", "get")


def test_it_is_for_callers_only(web: Web) -> None:
    assert web.get("/openapi.json", user=None).status_code == 401
