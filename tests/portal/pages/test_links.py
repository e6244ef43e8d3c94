"""The connection of a cluster on its page: state, check-list, history; to look at for everybody."""

from flask import Flask
from flask.testing import FlaskClient


def client(app: Flask, scenario: str = "full") -> FlaskClient:
    made = app.test_client()
    made.set_cookie("scenario", scenario)
    return made


def test_a_well_cluster_shows_its_connection_and_no_check_list(app: Flask) -> None:
    text = client(app).get("/clusters/prod-use1").text
    assert 'id="joining"' not in text
    assert "since 2026" in text
    for words in ("12.3 ms", "77.2 MiB", "neurox-relay-server-0", "1.8 GiB", "right"):
        assert words in text, words
    assert "0123456789abcdef" in text
    assert ">12 d</time> old" in text
    assert "failed:" not in text
    assert text.count('title="neurox-relay-server-0"') == 100


def test_a_lost_cluster_shows_why_and_what_to_do(app: Flask) -> None:
    text = client(app, "stale").get("/clusters/research-dc1").text
    assert "nothing came for 45 s" in text
    assert "3 of 7 done, 4 failed" in text
    assert 'id="run-tunnel"' in text
    assert "answered 503" in text
    assert "1 min behind" in text
    assert "asked for 2026" in text
    assert "failed: no Secret" in text


def test_a_cluster_that_was_cut_off_is_shown_as_revoked_and_not_as_lost(app: Flask) -> None:
    revoked = client(app, "revoked")
    for path in ("/clusters", "/clusters/research-dc1", "/cluster-keys", "/cluster-versions"):
        text = revoked.get(path).text
        head = text.split('id="checks"')[0].split('id="link"')[0]
        assert "</svg>Revoked</span>" in head, path
        assert "its access was taken back" in head, path
        assert "</svg>Lost</span>" not in head, path
    lost = revoked.get("/clusters?state=lost").text
    assert '<option value="revoked">Revoked</option>' in lost
    assert "/clusters/research-dc1" not in lost
    assert "/clusters/research-dc1" in revoked.get("/clusters?state=revoked").text


def test_the_check_list_asks_for_itself_until_all_is_green(app: Flask) -> None:
    app.extensions["fixture_api"].config["polled"] = 0
    joining = client(app, "joining")
    first = joining.get("/clusters/prod-use1/checks").text
    assert 'hx-get="/clusters/prod-use1/checks"' in first
    assert "1 of 7 done." in first
    assert first.count("<pre") == 1  # what to run is told once, at the first that is waited for
    for _ in range(6):
        last = joining.get("/clusters/prod-use1/checks").text
    assert "7 of 7 done. The cluster has joined." in last
    assert "hx-get" not in last


def test_the_page_of_a_new_secret_shows_the_check_list(app: Flask) -> None:
    app.extensions["fixture_api"].config["polled"] = 0
    text = client(app, "joining").post("/clusters/new", data={"name": "edge-1"}).text
    assert "1 of 7 done." in text
    assert 'hx-get="/clusters/edge-1/checks"' in text
    assert "data-poll" not in text


def test_an_older_api_takes_nothing_else_from_the_page(app: Flask) -> None:
    young = client(app, "young")
    text = young.get("/clusters/prod-use1").text
    assert "Workload manager" in text
    assert 'id="link"' not in text
    made = young.post("/clusters/new", data={"name": "edge-1"}).text
    assert "page tells when it connects" in made


def test_hostile_words_stay_words(app: Flask) -> None:
    text = client(app, "hostile").get("/clusters/prod-use1").text
    assert "<<" not in text
    assert "&lt;" * 64 in text


def test_who_is_no_administrator_looks_and_has_no_buttons(app: Flask) -> None:
    text = client(app, "researcher").get("/clusters/prod-use1").text
    assert 'id="link"' in text
    for words in ("/rotate", "/revoke", '<form method="post"'):
        assert words not in text.partition('id="live"')[2], words
