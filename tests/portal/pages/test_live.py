"""Polls get the live part only, tagged; the caller is the browser's user, nobody else."""

import gzip
import time
from statistics import median

from flask import Flask

from portal.pages.headers import POLICY

POLL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#live"}


def test_a_poll_gets_the_live_part_only_and_an_unchanged_one_nothing(app: Flask) -> None:
    client = app.test_client()
    first = client.get("/workloads?state=Running", headers=POLL)
    assert first.text.strip().startswith('<div id="live"')
    assert 'hx-get="/workloads?state=Running"' in first.text
    again = client.get(
        "/workloads?state=Running", headers=POLL | {"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")
    other = client.get("/workloads", headers=POLL | {"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


def test_refresh_off_polls_nothing(app: Flask) -> None:
    assert "data-poll" not in app.test_client().get("/gpus?refresh=off").text
    assert 'data-poll="60"' in app.test_client().get("/gpus?refresh=60").text


def test_a_page_carries_the_policy_and_is_not_kept(app: Flask) -> None:
    headers = app.test_client().get("/").headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["Cache-Control"] == "no-store"
    assert "unsafe" not in POLICY


def test_cookie_and_origin_travel_on_and_nothing_else_does(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("session", "mine")
    sent = {"Origin": "http://here", "Sec-Fetch-Site": "same-origin", "X-Remote-User": "root"}
    client.get("/pools", headers=sent)
    api = app.extensions["fixture_api"]
    method, _path, headers = next(s for s in reversed(api.config["seen"]) if "/pools" in s[1])
    assert method == "GET"
    assert headers["Cookie"] == "session=mine"
    assert headers["Origin"] == "http://here"
    assert headers["Sec-Fetch-Site"] == "same-origin"
    assert "X-Remote-User" not in headers
    assert "Authorization" not in headers


def test_the_data_of_a_chart_is_tagged_too(app: Flask) -> None:
    client = app.test_client()
    first = client.get("/series/utilization.json?from=-1h&by=pool")
    assert set(first.json or {}) == {"unit", "times", "names", "columns"}
    again = client.get(
        "/series/utilization.json?from=-1h&by=pool",
        headers={"If-None-Match": first.headers["ETag"]},
    )
    assert again.status_code == 304


def test_the_theme_cookie_decides_on_the_server(app: Flask) -> None:
    client = app.test_client()
    assert "data-theme" not in client.get("/").text.partition("<head>")[0]
    answer = client.post(
        "/theme", data={"theme": "dark"}, headers={"Referer": "http://localhost//evil.example/x"}
    )
    assert answer.headers["Location"] == "/evil.example/x"
    assert '<html lang="en" data-theme="dark">' in client.get("/").text


def test_pages_travel_compressed_but_never_the_one_with_a_secret(app: Flask) -> None:
    client = app.test_client()
    packed = {"Accept-Encoding": "gzip"}
    page = client.get("/", headers=packed)
    assert b"<h1>Overview</h1>" in gzip.decompress(page.data)
    joined = client.post("/clusters/new", data={"name": "edge-1"}, headers=packed)
    assert "Content-Encoding" not in joined.headers


def test_the_overview_is_rendered_within_its_time(app: Flask) -> None:
    client = app.test_client()
    client.get("/")
    spent = []
    for _ in range(9):
        start = time.perf_counter()
        client.get("/")
        spent.append(time.perf_counter() - start)
    # The figure is 50 ms; here a fixture API builds its whole fleet for each of three calls.
    assert median(spent) < 0.25
