"""Description and labels of a record, and how they are changed."""

from typing import Any

import pytest
from neurox_web import Web, cluster


def test_an_admin_changes_a_description_and_labels_and_nothing_else(web: Web) -> None:
    made = cluster(web)
    before: Any = web.get("/clusters/east").json
    labels = {"labels": {"region": "eu"}}
    assert web.call("PATCH", "/clusters/east?dry_run=true", json=labels).json["labels"] == {  # type: ignore[index]
        "region": "eu"
    }
    assert web.get("/clusters/east").json["labels"] == {}  # type: ignore[index]
    assert web.call("PATCH", "/clusters/east", json=labels).status_code == 200
    assert web.call("PATCH", "/clusters/east", json={"description": "cellar"}).status_code == 200
    after: Any = web.get("/clusters/east").json
    assert (after["description"], after["labels"]) == ("cellar", {"region": "eu"})
    assert {k for k in before if before[k] != after[k]} >= {"description", "labels"}
    assert web.stores.clusters.get(made.id).created_at == made.created_at
    assert web.call("PATCH", "/clusters/east", json=labels).status_code == 200
    deeds: Any = web.get("/audit?cluster=east").json
    assert [each["action"] for each in deeds["items"]] == ["edit", "edit"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"labels": {"a b": "c"}}, "labels"),
        ({"description": "x" * 501}, "description"),
        ({"name": "west"}, "name"),
    ],
)
def test_what_cannot_be_taken_into_a_record_changes_nothing(
    web: Web, asked: Any, field: str
) -> None:
    made = cluster(web)
    answer = web.call("PATCH", "/clusters/east", json=asked)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field  # type: ignore[index]
    assert web.stores.clusters.get(made.id) == made


def test_records_are_changed_by_admins_and_only_while_they_are_there(web: Web) -> None:
    web.person("mia")
    cluster(web)
    assert web.call("PATCH", "/clusters/east", "mia", json={"description": "a"}).status_code == 403
    assert web.call("PATCH", "/clusters/west", json={"description": "a"}).status_code == 404


@pytest.mark.parametrize(
    "labels", [{"a b": "c"}, {"a": "-"}, {"a": "b\u00e9b"}, {str(n): "x" for n in range(17)}]
)
def test_labels_are_those_of_kubernetes(web: Web, labels: dict[str, str]) -> None:
    answer = web.post("/clusters", {"name": "east", "labels": labels})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "labels"  # type: ignore[index]
    web.post("/clusters", {"name": "east", "labels": {"region": "eu"}})
    assert web.get("/clusters/east").json["labels"] == {"region": "eu"}  # type: ignore[index]
