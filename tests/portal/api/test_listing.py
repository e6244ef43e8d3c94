"""Filters, search, sorting, pages and tags work alike for every list."""

import base64
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from neurox_web import Web, cluster, gpu, policy, running

from controllers.domain.cluster import StateDelta
from controllers.domain.workload import Intent, WorkloadSpec


@pytest.fixture
def fleet(web: Web) -> Web:
    for name in ("east", "west"):
        made = cluster(web, name, nodes=3)
        use = {0: 0.9, 1: 0.0, 2: None}
        samples = [gpu(i, f"{name}-{n}", utilization=use[i]) for n in range(3) for i in range(3)]
        web.stores.samples.put(made.id, samples)
    return web


def items(web: Web, path: str) -> list[Any]:
    answer = web.get(path)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json["items"]  # type: ignore[index]
    return found


def walk(web: Web, path: str) -> list[str]:
    """All uuids, page by page, as a client would."""
    found: list[str] = []
    cursor = ""
    for _ in range(50):
        page: Any = web.get(path + cursor).json
        found += [item["uuid"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = "&cursor=" + page["next_cursor"]
    raise AssertionError("the pages never end")


@pytest.mark.parametrize("sort", ["uuid", "-uuid", "utilization", "-utilization", "node,-index"])
@pytest.mark.parametrize("limit", [1, 4, 18, 500])
def test_pages_together_are_the_list_once(fleet: Web, sort: str, limit: int) -> None:
    whole = [item["uuid"] for item in items(fleet, f"/gpus?limit=500&sort={sort}")]
    assert len(whole) == 18
    assert walk(fleet, f"/gpus?limit={limit}&sort={sort}") == whole


def test_an_order_by_age_repeats_nothing_while_time_passes(fleet: Web) -> None:
    for minutes in range(5):
        spec = WorkloadSpec(f"w{minutes}", "eyes", "vision", "a", 1, 1)
        intent = Intent(f"id-{minutes}", spec, "mia", time.time() - 60 * minutes)
        fleet.stores.intents.add(intent)
    found, cursor = [], ""
    for later in (0, 90, 180):
        with time_machine.travel(time.time() + later):
            page: Any = fleet.get(f"/workloads?sort=age_seconds&limit=2{cursor}").json
        found += [item["name"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert found == ["w0", "w1", "w2", "w3", "w4"]


@pytest.mark.parametrize(
    "noun",
    ["clusters", "nodes", "gpus", "pools", "groups", "projects", "quotas", "workloads"],
)
def test_everything_that_is_listed_tells_how_old_its_information_is(fleet: Web, noun: str) -> None:
    policy(fleet)
    (east, _) = fleet.stores.clusters.all()
    seen = StateDelta("e", 2, False, time.time(), "v1", "0.1", workloads={"w": running("w")})
    fleet.stores.states.apply(east.id, seen)
    for item in items(fleet, f"/{noun}"):
        if item.get("name") != "b":
            age = item.get("report_age_seconds", item.get("sample_age_seconds"))
            assert 0 <= age < 5


def test_what_is_unknown_comes_last_in_both_directions(fleet: Web) -> None:
    for sort in ("utilization", "-utilization"):
        values = [item["utilization"] for item in items(fleet, f"/gpus?limit=500&sort={sort}")]
        assert values[-6:] == [None] * 6
        assert None not in values[:12]


def test_a_cursor_holds_its_place_when_things_come_and_go(fleet: Web) -> None:
    page: Any = fleet.get("/clusters?limit=1").json
    fleet.stores.clusters.remove(page["items"][0]["id"])
    cluster(fleet, "abc")
    rest = items(fleet, f"/clusters?limit=5&cursor={page['next_cursor']}")
    assert [item["name"] for item in rest] == ["west"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("cluster=east", 9),
        ("cluster=east,west", 18),
        ("cluster=east&node=east-0,west-0", 3),
        ("state=free", 18),
        ("state=busy", 0),
        ("pool=a", 18),
        ("q=EAST-1", 3),
        ("q=nothing", 0),
        ("cluster=", 18),
    ],
)
def test_filters_narrow_and_commas_mean_any(fleet: Web, query: str, count: int) -> None:
    page: Any = fleet.get(f"/gpus?limit=1&{query}").json
    assert page["total"] == count


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("limit=0", "limit", "1 to 500"),
        ("limit=501", "limit", "501"),
        ("limit=1000000000", "limit", "1 to 500"),
        ("limit=-1", "limit", "1 to 500"),
        ("limit=١", "limit", "1 to 500"),
        ("limit=1&limit=2", "limit", "more than once"),
        ("sort=utilisation", "sort", "did you mean 'utilization'?"),
        ("state=buzy", "state", "did you mean 'busy'?"),
        ("clustr=east", "clustr", "did you mean 'cluster'?"),
        ("cursor=x", "cursor", "not one that this list gave out"),
        ("cursor=%00", "cursor", "not one that this list gave out"),
        ("cursor=" + "W" * 3000, "cursor", "not one that this list gave out"),
    ],
)
def test_a_query_that_cannot_be_taken_is_named(
    fleet: Web, query: str, field: str, says: str
) -> None:
    answer = fleet.get(f"/gpus?{query}")
    problem: Any = answer.json
    assert answer.status_code == 400
    assert (problem["errors"][0]["in"], problem["errors"][0]["field"]) == ("query", field)
    assert says in problem["detail"]


def test_a_forged_or_foreign_cursor_is_refused(fleet: Web) -> None:
    cursor = fleet.get("/gpus?limit=1").json["next_cursor"]  # type: ignore[index]
    assert fleet.get(f"/gpus?cursor={cursor}").status_code == 200
    whole = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    changed = whole.replace(b"east", b"west")
    for other in (changed, whole[:-1], b"\0" * 16 + whole[16:], whole[16:], b""):
        sent = base64.urlsafe_b64encode(other).decode().rstrip("=") or "A"
        assert fleet.get(f"/gpus?cursor={sent}").status_code == 400, other
    for path in ("/nodes?", "/gpus?sort=-uuid&"):
        assert fleet.get(f"{path}cursor={cursor}").status_code == 400


def test_the_next_page_is_linked_with_the_same_query(fleet: Web) -> None:
    answer = fleet.get("/gpus?limit=5&cluster=east&sort=-index")
    link = answer.headers["Link"]
    assert link.endswith('>; rel="next"')
    parts = urlsplit(link[1:].partition(">")[0])
    assert parts.path == "/api/v1/gpus"
    following = fleet.get(f"/gpus?{parts.query}")
    assert len(following.json["items"]) == 4  # type: ignore[index]
    assert "Link" not in following.headers


@pytest.mark.parametrize(
    "path", ["/pools", "/groups", "/projects", "/quotas", "/users", "/workloads", "/nodes"]
)
def test_every_list_has_the_same_shape(web: Web, path: str) -> None:
    page: Any = web.get(path).json
    assert set(page) == {"items", "next_cursor", "total"}
    assert web.get(path + "?limit=9999").status_code == 400


def test_the_same_answer_again_is_304_without_a_body(web: Web) -> None:
    web.put("/groups/g", {})
    first = web.get("/groups")
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    assert "private" in first.headers["Cache-Control"]
    again = web.get("/groups", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    web.put("/groups/h", {})
    assert web.get("/groups", headers={"If-None-Match": tag}).status_code == 200
