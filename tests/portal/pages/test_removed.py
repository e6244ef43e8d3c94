"""Removed clusters, who changed access, and the removal itself, on their pages."""

import pytest
from flask import Flask
from flask.testing import FlaskClient


def client(app: Flask, scenario: str = "full") -> FlaskClient:
    made = app.test_client()
    made.set_cookie("scenario", scenario)
    return made


def changes(app: Flask) -> list[tuple[str, str]]:
    seen = app.extensions["fixture_api"].config["seen"]
    return [(method, path.rstrip("?")) for method, path, _ in seen if method != "GET"]


def test_removed_clusters_are_listed_when_asked_for_and_lead_to_what_is_kept(app: Flask) -> None:
    browser = client(app)
    assert '<option value="removed">' in browser.get("/clusters").text
    listed = browser.get("/clusters?state=removed").text
    assert 'href="/clusters/5d41402a"' in listed
    assert "removed 2026-" in listed
    text = browser.get("/clusters/5d41402a").text
    for words in ("old-dc", "nothing came for 45 s", "New key asked for", "region=eu, team=vision"):
        assert words in text, words
    assert "/series/utilization.json?from=-30d&amp;cluster=5d41402a" in text
    for words in ("/rotate", "/revoke", "/remove", 'id="joining"', '<form method="post"'):
        assert words not in text.partition('id="live"')[2], words


def test_who_changed_access_is_for_administrators(app: Flask) -> None:
    text = client(app).get("/clusters/prod-use1").text
    for words in ("New key asked for", "Added, with a join token", "the last 2 of 60"):
        assert words in text, words
    for scenario in ("researcher", "young"):
        text = client(app, scenario).get("/clusters/prod-use1").text
        assert 'id="deeds"' not in text
        assert 'id="nodes"' in text


def test_a_cluster_is_removed_by_who_types_its_name(app: Flask) -> None:
    browser, path = client(app), "/clusters/prod-use1/remove"
    assert f'href="{path}"' in browser.get("/clusters/prod-use1").text
    question = browser.get(path).text
    assert "with 32 GPUs on 4 nodes" in question
    assert "7 workloads are shown as stopped" in question
    before = len(changes(app))
    refused = browser.post(path, data={"typed": "prod-use2"})
    assert refused.status_code == 422
    assert "nothing was removed" in refused.text
    assert len(changes(app)) == before
    done = browser.post(path, data={"typed": " prod-use1 "})
    assert (done.status_code, done.headers["Location"]) == (303, "/clusters")
    assert changes(app)[-1] == ("DELETE", "/api/v1/clusters/prod-use1")


def test_an_unused_token_is_shown_and_withdrawn(app: Flask) -> None:
    browser, path = client(app), "/clusters/research-dc1/withdraw"
    text = browser.get("/clusters/research-dc1").text
    assert "nxj_89abcdef01234567_…" in text
    assert f'href="{path}"' in text
    assert 'id="token"' not in browser.get("/clusters/prod-use1").text
    assert f'action="{path}"' in browser.get(path).text
    done = browser.post(path)
    assert (done.status_code, done.headers["Location"]) == (303, "/clusters/research-dc1")
    assert changes(app)[-1] == ("DELETE", "/api/v1/clusters/research-dc1/join")


def test_who_is_no_administrator_sees_no_token_and_may_do_neither(app: Flask) -> None:
    researcher = client(app, "researcher")
    assert 'id="token"' not in researcher.get("/clusters/research-dc1").text
    for what in ("withdraw", "remove"):
        path = f"/clusters/research-dc1/{what}"
        text = researcher.get(path).text
        assert "Only administrators" in text
        assert f'action="{path}"' not in text


def test_names_from_elsewhere_stay_text(app: Flask) -> None:
    text = client(app, "hostile").get("/clusters/research-dc1").text
    assert "&lt;" * 64 in text
    assert "<<" not in text


def test_a_label_that_is_given_twice_is_refused_and_what_was_typed_is_kept(app: Flask) -> None:
    app.extensions["fixture_api"].config["joined"] = None
    answer = client(app).post("/clusters/new", data={"name": "edge-1", "labels": "a=1, a=2"})
    assert answer.status_code == 422
    assert "&#39;a&#39; is given twice" in answer.text.partition('id="fault-labels"')[2]
    assert 'value="a=1, a=2"' in answer.text
    assert app.extensions["fixture_api"].config["joined"] is None


def test_labels_are_given_in_the_form_and_shown(app: Flask) -> None:
    browser = client(app)
    assert "region=eu, team=vision" in browser.get("/clusters").text
    assert "region=eu, team=vision" in browser.get("/clusters/prod-use1").text
    browser.post("/clusters/new", data={"name": "edge-1", "labels": "a=b , c = d,, e"})
    assert app.extensions["fixture_api"].config["joined"]["labels"] == {"a": "b", "c": "d", "e": ""}


@pytest.mark.parametrize("what", ["rotate", "revoke", "withdraw", "remove", "edit"])
def test_every_page_that_asks_first_has_one_form_and_one_way_back(app: Flask, what: str) -> None:
    path = "/clusters/prod-use1"
    text = client(app).get(f"{path}/{what}").text.partition('id="live"')[2].partition("</main>")[0]
    assert text.count("<form") == text.count("<button") == 1
    assert f'<form class="form" method="post" action="{path}/{what}">' in text
    assert f'<p class="crumb"><a href="{path}">prod-use1</a></p>' in text
    assert text.count(f'<a class="button" href="{path}">') == 1
    other = client(app, "researcher").get(f"{path}/{what}").text.partition('id="live"')[2]
    assert "Only administrators of Neurox may" in other
    assert f'action="{path}/{what}"' not in other


def test_description_and_labels_are_edited_as_they_stand(app: Flask) -> None:
    browser, path = client(app), "/clusters/prod-use1/edit"
    assert f'href="{path}"' in browser.get("/clusters/prod-use1").text
    form = browser.get(path).text
    assert 'value="Frankfurt, second cellar"' in form
    assert 'value="region=eu, team=vision"' in form
    answer = browser.post(path, data={"description": " Rome ", "labels": "region=it"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/clusters/prod-use1")
    changed = app.extensions["fixture_api"].config["changed"]
    assert changed == {"description": "Rome", "labels": {"region": "it"}}
    browser.post(path, data={"description": "", "labels": ""})
    assert app.extensions["fixture_api"].config["changed"] == {"description": "", "labels": {}}


def test_an_edit_that_is_refused_is_told_beside_its_field_with_what_was_typed(app: Flask) -> None:
    browser, path = client(app), "/clusters/prod-use1/edit"
    for labels, fault in (("a b=1", "is not a label."), ("a=1, a=2", "is given twice")):
        answer = browser.post(path, data={"description": "Rome", "labels": labels})
        assert answer.status_code == 422
        assert fault in answer.text.partition('id="fault-labels"')[2]
        assert f'value="{labels}"' in answer.text
        assert 'value="Rome"' in answer.text
