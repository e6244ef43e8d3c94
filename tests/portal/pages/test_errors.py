"""Every refusal is a page that says what to do."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.pages import Settings, SettingsError, create_app
from portal.schemas import GpuOut

POLL = {"HX-Request": "true", "HX-Request-Type": "partial"}


def client(app: Flask, scenario: str) -> FlaskClient:
    made = app.test_client()
    made.set_cookie("scenario", scenario)
    return made


def test_without_a_session_the_reader_is_sent_to_sign_in_and_back(app: Flask) -> None:
    answer = client(app, "signed-out").get("/gpus?state=busy,idle&q=a b")
    assert answer.status_code == 302
    wanted = "/auth/sign-in?next=/gpus%3Fstate%3Dbusy%2Cidle%26q%3Da%20b"
    assert answer.headers["Location"] == wanted


def test_a_poll_without_a_session_moves_the_whole_page_to_sign_in(app: Flask) -> None:
    answer = client(app, "signed-out").get("/gpus", headers=POLL)
    assert answer.headers["HX-Redirect"] == "/auth/sign-in?next=/gpus"


@pytest.mark.parametrize(
    ("scenario", "path", "status", "words"),
    [
        ("refused", "/gpus", 403, "Not allowed"),
        ("full", "/gpus/GPU-none", 404, "Not found"),
        ("full", "/nowhere", 404, "There is no page at this address."),
        ("broken", "/", 500, "Something went wrong"),
    ],
)
def test_a_refusal_is_a_sentence_and_a_way_on(
    app: Flask, scenario: str, path: str, status: int, words: str
) -> None:
    answer = client(app, scenario).get(path)
    assert answer.status_code == status
    assert words in answer.text
    assert "Traceback" not in answer.text
    assert ("req-7f3a" in answer.text) is (path != "/nowhere")


def test_a_failing_poll_keeps_what_is_on_the_screen(app: Flask) -> None:
    answer = client(app, "broken").get("/gpus", headers=POLL)
    assert (answer.status_code, answer.text, answer.headers["HX-Reswap"]) == (500, "", "none")


def test_a_poll_of_what_is_gone_loads_the_page_that_says_so(app: Flask) -> None:
    answer = client(app, "full").get("/workloads/w-999", headers=POLL)
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (404, "true")


def test_without_an_api_the_page_says_so() -> None:
    answer = create_app(Settings("http://127.0.0.1:1")).test_client().get("/")
    assert answer.status_code == 503
    assert "The Neurox API does not answer." in answer.text


def test_an_api_of_another_version_is_told(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(GpuOut):
        since_version_9: str

    monkeypatch.setattr("portal.client.client.GpuOut", Later)
    answer = app.test_client().get("/gpus")
    assert answer.status_code == 503
    assert "is of a version that these pages do not know" in answer.text


def test_a_chart_without_data_does_not_take_the_page_down(app: Flask) -> None:
    answer = client(app, "no-charts").get("/")
    assert answer.status_code == 200
    assert "No chart just now: Thanos does not answer." in answer.text


@pytest.mark.parametrize("env", [{}, {"NEUROX_API_URL": "127.0.0.1:8080"}])
def test_a_bad_setting_is_named(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="NEUROX_API_URL"):
        Settings.from_env(env)
