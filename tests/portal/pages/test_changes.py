"""Submitting, stopping and joining, with plain forms."""

import re

import pytest
from flask import Flask

TYPED = {"name": "train", "project": "vision", "key": "k1", "action": "submit"}


def test_a_submitted_workload_leads_to_its_page(app: Flask) -> None:
    answer = app.test_client().post("/workloads/new", data=TYPED)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/workloads/w-3")
    seen = app.extensions["fixture_api"].config["seen"]
    _, path, headers = next(s for s in reversed(seen) if s[0] == "POST")
    assert "dry_run" not in path
    assert headers["Idempotency-Key"] == "k1"


def test_checking_submits_nothing_and_says_what_would_be_taken(app: Flask) -> None:
    answer = app.test_client().post("/workloads/new", data={**TYPED, "action": "check"})
    assert "This would be accepted" in answer.text
    seen = app.extensions["fixture_api"].config["seen"]
    assert "dry_run=true" in next(s for s in reversed(seen) if s[0] == "POST")[1]


def test_what_the_api_refuses_is_said_beside_the_field_and_the_rest_is_kept(app: Flask) -> None:
    typed = {**TYPED, "gpus_per_pod": "99", "image": "pytorch:2", "pool": "h100"}
    answer = app.test_client().post("/workloads/new", data=typed)
    assert answer.status_code == 422
    assert 'id="fault-gpus_per_pod"' in answer.text
    assert "The largest node has 8." in answer.text
    assert 'value="pytorch:2"' in answer.text
    assert '<option value="h100" selected>' in answer.text
    assert 'value="k1"' in answer.text


def test_what_cannot_be_a_number_never_reaches_the_api(app: Flask) -> None:
    seen = app.extensions["fixture_api"].config["seen"]
    before = sum(s[0] == "POST" for s in seen)
    answer = app.test_client().post("/workloads/new", data={**TYPED, "pods": "many"})
    assert 'id="fault-pods"' in answer.text
    assert sum(s[0] == "POST" for s in seen) == before


def test_stopping_asks_first_and_then_leads_back(app: Flask) -> None:
    client = app.test_client()
    assert "Stop it" in client.get("/workloads/w-3/stop").text
    answer = client.post("/workloads/w-3/stop")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/workloads/w-3")
    assert "/stop" not in client.get("/workloads/w-4").text


def test_stopping_what_waits_promises_no_free_gpus(app: Flask) -> None:
    client = app.test_client()
    assert "free for others" in client.get("/workloads/w-3/stop").text
    waiting = client.get("/workloads/w-1/stop").text
    assert "It has no pods yet" in waiting
    assert "free for others" not in waiting


def test_a_join_secret_is_shown_once(app: Flask) -> None:
    client = app.test_client()
    answer = client.post("/clusters/new", data={"name": "edge-1"})
    assert answer.status_code == 200
    assert "kubeconfig: shown-once" in answer.text
    assert "kind: Job" in answer.text
    assert "helm install" in answer.text
    assert "data-poll" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.get("/clusters/edge-1/join").status_code == 302


def test_a_taken_name_is_refused_beside_the_form(app: Flask) -> None:
    answer = app.test_client().post("/clusters/new", data={"name": "prod-use1"})
    assert answer.status_code == 409
    assert "A cluster named prod-use1 exists." in answer.text
    assert 'value="prod-use1"' in answer.text


def test_only_administrators_are_offered_the_join(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("scenario", "researcher")
    text = client.get("/clusters/new").text
    assert "Only administrators" in text
    assert "<textarea" not in text
    assert 'action="/clusters/new"' not in text


def test_filters_that_match_nothing_can_be_cleared(app: Flask) -> None:
    text = app.test_client().get("/workloads?q=nothing-like-it").text
    assert "Nothing matches" in text
    assert "nothing-like-it" in text
    assert 'href="/workloads">Clear the filters' in text


def test_a_lost_cluster_is_told_with_its_age(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("scenario", "stale")
    text = client.get("/").text
    assert "has not reported for" in text
    assert ">10 min</time>" in text


@pytest.mark.parametrize("path", ["/", "/clusters/prod-use1"])
def test_a_young_fleet_is_not_shown_as_an_hour_of_emptiness(app: Flask, path: str) -> None:
    client = app.test_client()
    assert '<option value="-1h" selected>' in client.get(path).text
    client.set_cookie("scenario", "young")
    text = client.get(path).text
    assert '<option value="-5m" selected>' in text
    assert "from=-5m" in text
    assert '<option value="-6h" selected>' in client.get(path + "?from=-6h").text


def test_the_map_of_a_large_fleet_is_a_square_a_node(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("scenario", "large")
    text = client.get("/").text
    assert "a square a node" in text
    assert text.count('href="/gpus?cluster=research-dc1&amp;node=gpu-4"') == 1
    assert "gpu-4 · – · 8 stale" in text
    assert "/gpus/GPU-" not in text


@pytest.mark.parametrize("path", ["/nodes", "/workloads", "/pools", "/groups", "/projects"])
def test_a_table_tells_how_old_its_oldest_report_is(app: Flask, path: str) -> None:
    client = app.test_client()
    assert ">6 s</time> ago" in client.get(path).text
    assert "as of" not in client.get(path).text


@pytest.mark.parametrize("path", ["/nodes", "/workloads"])
def test_a_row_that_is_no_longer_live_says_so(app: Flask, path: str) -> None:
    client = app.test_client()
    client.set_cookie("scenario", "stale")
    text = client.get(path).text
    assert "as of <time" in text
    assert ">10 min</time> ago" in text


def test_a_form_that_is_sent_again_with_other_values_can_be_sent_as_one_more(app: Flask) -> None:
    client = app.test_client()
    answer = client.post("/workloads/new", data={**TYPED, "key": "used"})
    assert answer.status_code == 409
    assert "press Submit again" in answer.text
    assert 'value="train"' in answer.text
    (key,) = re.findall(r'name="key" value="(.*?)"', answer.text)
    assert key != "used"
    assert client.post("/workloads/new", data={**TYPED, "key": key}).status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://localhost", "Referer": "http://localhost/gpus"}, 302),
        ({"Origin": "https://localhost"}, 302),
        ({"Sec-Fetch-Site": "same-origin"}, 302),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_another_site_cannot_even_change_the_theme(
    app: Flask, headers: dict[str, str], status: int
) -> None:
    client = app.test_client()
    answer = client.post("/theme", data={"theme": "dark"}, headers=headers)
    assert answer.status_code == status
    assert (client.get_cookie("theme") is None) == (status == 403)


def test_joining_is_offered_to_administrators_alone_in_polls_too(app: Flask) -> None:
    client = app.test_client()
    poll = {"HX-Request": "true", "HX-Request-Type": "partial"}
    for headers in ({}, poll):
        assert 'href="/clusters/new"' in client.get("/clusters", headers=headers).text
    client.set_cookie("scenario", "researcher")
    for headers in ({}, poll):
        assert 'href="/clusters/new"' not in client.get("/clusters", headers=headers).text
