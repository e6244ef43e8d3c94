"""Rotating and revoking from the pages: asked first, told after, for administrators alone."""

from importlib.metadata import version

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.pages.cluster_versions import is_other
from tests.portal.pages.made_up_fleet import Fleet


def client(app: Flask, scenario: str = "full") -> FlaskClient:
    made = app.test_client()
    made.set_cookie("scenario", scenario)
    return made


def changes(app: Flask) -> list[str]:
    seen = app.extensions["fixture_api"].config["seen"]
    return [path for method, path, _ in seen if method == "POST"]


@pytest.mark.parametrize(
    ("what", "words"), [("rotate", "stays good for a day"), ("revoke", "within ten seconds")]
)
def test_a_change_of_a_key_is_asked_first_and_leads_back(app: Flask, what: str, words: str) -> None:
    browser, path = client(app), f"/clusters/prod-use1/{what}"
    assert f'href="{path}"' in browser.get("/clusters/prod-use1").text
    before = len(changes(app))
    question = browser.get(path).text
    assert words in question
    assert f'action="{path}"' in question
    assert len(changes(app)) == before
    answer = browser.post(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/clusters/prod-use1")
    assert changes(app)[-1].startswith(f"/api/v1{path}")


def test_the_keys_of_several_are_rotated_and_one_refusal_keeps_no_other(app: Flask) -> None:
    browser = client(app)
    assert 'href="/cluster-keys"' in browser.get("/clusters").text
    assert 'value="research-dc1"' in browser.get("/cluster-keys").text
    chosen = {"name": ["research-dc1", "prod-use1"]}
    text = browser.post("/cluster-keys", data=chosen).text
    assert "<b>research-dc1</b>: It has no key yet." in text
    assert "1 cluster was asked for a new key: prod-use1." in text


def test_choosing_none_changes_nothing_and_is_told_at_the_table(app: Flask) -> None:
    before = len(changes(app))
    answer = client(app).post("/cluster-keys")
    assert answer.status_code == 422
    assert 'aria-describedby="fault-name"' in answer.text
    assert "Choose a cluster.</span>" in answer.text.partition('id="fault-name"')[2]
    assert "asked for a new key" not in answer.text
    assert len(changes(app)) == before


@pytest.mark.parametrize(
    "path", ["/clusters/prod-use1/rotate", "/clusters/prod-use1/revoke", "/cluster-keys"]
)
def test_who_is_no_administrator_is_offered_nothing(app: Flask, path: str) -> None:
    text = client(app, "researcher").get(path).text
    assert "Only administrators" in text
    assert f'action="{path}"' not in text
    assert 'href="/cluster-keys"' not in client(app, "researcher").get("/clusters").text


def test_an_empty_fleet_has_no_keys_and_no_versions(app: Flask) -> None:
    empty = client(app, "empty")
    assert "No cluster has a key yet" in empty.get("/cluster-keys").text
    assert "All run " in empty.get("/cluster-versions").text
    assert "/cluster-keys" not in empty.get("/clusters").text


def test_clusters_of_another_version_are_listed_with_the_command(app: Flask) -> None:
    browser = client(app)
    assert 'href="/cluster-versions"' in browser.get("/clusters").text
    text = browser.get("/cluster-versions").text
    assert text.count('title="0.1.0">0.1.0</span>') == 4
    assert "Upgrade to 9.9.9" in text
    assert "helm upgrade prod-use1" in text
    young = client(app, "young").get("/cluster-versions").text
    assert "Upgrade to" not in young


def test_the_list_points_to_another_version_wherever_it_runs(app: Flask) -> None:
    text = client(app).get("/clusters?q=of-no-cluster").text
    assert "research-dc1" not in text
    assert 'href="/cluster-versions"' in text
    assert 'href="/cluster-versions"' not in client(app, "empty").get("/clusters").text
    ours = {"manager_version": version("neurox")}
    cluster = Fleet("full").clusters[0].model_copy(update=ours)
    assert is_other(cluster)
    assert not is_other(cluster.model_copy(update={"relay_version": version("neurox")}))


def test_a_hostile_version_stays_text(app: Flask) -> None:
    text = client(app, "hostile").get("/cluster-versions").text
    assert "&lt;" * 64 in text
    assert "<<" not in text


def test_the_join_tokens_of_all_clusters_are_listed_and_lead_to_their_withdrawal(
    app: Flask,
) -> None:
    browser = client(app)
    assert 'href="/join-tokens"' in browser.get("/clusters").text
    text = browser.get("/join-tokens").text
    for words in ("nxj_89abcdef01234567_…", ">amara<", "an installation", "its first use"):
        assert words in text, words
    for name in ("research-dc1", "prod-use1"):
        assert f'href="/clusters/{name}/withdraw"' in text
    assert "No join token waits" in client(app, "empty").get("/join-tokens").text
    assert "&lt;" * 64 in client(app, "hostile").get("/join-tokens").text


def test_join_tokens_are_shown_to_administrators_alone(app: Flask) -> None:
    text = client(app, "researcher").get("/join-tokens").text
    assert "Only administrators of Neurox may see join tokens" in text
    assert "nxj_" not in text
    assert 'href="/join-tokens"' not in client(app, "researcher").get("/clusters").text


@pytest.mark.parametrize(
    ("address", "asked"), [("/clusters", 1), ("/clusters?q=of-no-cluster", 2), ("/nodes", 1)]
)
def test_the_api_is_asked_once_more_only_where_the_rows_do_not_tell_of_other_versions(
    app: Flask, address: str, asked: int
) -> None:
    seen = app.extensions["fixture_api"].config["seen"]
    before = len(seen)
    client(app).get(address)
    paths = [path for _, path, _ in seen[before:] if "/clusters?" in path]
    assert len(paths) == asked
