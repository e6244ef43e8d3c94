"""Each page renders with every kind of data; nothing a name holds becomes markup."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

GPU = "/gpus/GPU-prod-use1-1-0-4f6c-8c1d-0123456789ab"
PATHS = (
    "/",
    "/clusters",
    "/clusters/prod-use1",
    "/clusters/research-dc1",
    "/clusters/new",
    "/clusters/prod-use1/rotate",
    "/clusters/prod-use1/revoke",
    "/clusters/prod-use1/withdraw",
    "/clusters/prod-use1/remove",
    "/clusters/prod-use1/edit",
    "/cluster-keys",
    "/cluster-versions",
    "/gpus",
    GPU,
    "/nodes",
    "/pools",
    "/workloads",
    "/workloads/w-3",
    "/workloads/w-1",
    "/workloads/w-3/stop",
    "/workloads/new",
    "/projects",
    "/groups",
    "/quotas",
)
BESIDE = ("/cluster-keys", "/cluster-versions", "/join-tokens")
LISTS = ("/clusters", "/gpus", "/nodes", "/pools", "/workloads", "/projects", "/groups", "/quotas")


def client(app: Flask, scenario: str = "full") -> FlaskClient:
    made = app.test_client()
    made.set_cookie("scenario", scenario)
    return made


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scenario", ["full", "stale", "hostile"])
def test_every_page_renders(app: Flask, path: str, scenario: str) -> None:
    answer = client(app, scenario).get(path)
    assert answer.status_code == 200, answer.text
    assert answer.text.count("<h1") == 1
    assert "simulated" in answer.text or path == "/clusters/new" or path in LISTS[3:]
    if scenario == "hostile":
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text


@pytest.mark.parametrize("path", [*BESIDE, "/clusters/prod-use1/edit"])
def test_a_page_about_clusters_stands_under_them_in_the_menu(app: Flask, path: str) -> None:
    menu = client(app).get(path).text.partition("</nav>")[0]
    assert menu.count('aria-current="page"') == 1
    assert 'href="/clusters" data-go="c" aria-current="page"' in menu


@pytest.mark.parametrize("path", ["/", *LISTS])
def test_an_empty_page_says_what_it_will_show_and_gives_a_command(app: Flask, path: str) -> None:
    text = client(app, "empty").get(path).text
    assert 'class="card empty"' in text or 'class="empty"' in text
    assert "<pre" in text
    assert "simulated" not in text


def test_a_cluster_of_another_version_shows_how_to_upgrade_it(app: Flask) -> None:
    page = client(app).get("/clusters/prod-use1").text
    assert "Upgrade to 9.9.9" in page
    assert "helm upgrade prod-use1" in page


def test_an_older_api_that_knows_no_upgrade_takes_nothing_from_the_page(app: Flask) -> None:
    answer = client(app, "young").get("/clusters/prod-use1")
    assert answer.status_code == 200
    assert "Upgrade to" not in answer.text
