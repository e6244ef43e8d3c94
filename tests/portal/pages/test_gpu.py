"""The page of one GPU says what it does not know, and why."""

from dataclasses import replace

from flask import Flask

from portal.pages.charts import Chart
from portal.pages.gpus import throttled
from portal.schemas import Series

GPU = "/gpus/GPU-prod-use1-1-{}-4f6c-8c1d-0123456789ab"


def page(app: Flask, index: int = 0, scenario: str = "full", cluster: str = "prod-use1") -> str:
    client = app.test_client()
    client.set_cookie("scenario", scenario)
    return client.get(GPU.format(index).replace("prod-use1", cluster)).text


def test_it_shows_everybody_who_has_it_and_what_befell_it(app: Flask) -> None:
    text = page(app)
    assert text.count("vision/train-vit-03-") >= 4
    assert 'href="/workloads/w-3"' in text
    for words in ("whole GPU", "MIG 3g.40gb", "1.2 kWh", "it is at its power limit"):
        assert words in text
    assert "Graphics engine exception" in text


def test_what_it_cannot_tell_is_not_taken_for_no_answer(app: Flask) -> None:
    text = page(app)
    assert text.count("not supported by this GPU") == 2
    assert "no data since" not in text
    assert "chart-sm_active" not in text
    assert "chart-sm_active" in page(app, 1)


def test_a_gpu_that_is_not_read_says_since_when(app: Flask) -> None:
    text = page(app, scenario="stale", cluster="research-dc1")
    assert "No data since 20" in text
    assert text.count("no data since 20") == 9
    assert "not supported" not in text
    assert "No pod held it when it was last read" in text
    assert "reported no error" not in text


def test_when_one_chart_is_not_to_be_had_the_others_are_not_waited_for(app: Flask) -> None:
    seen = app.extensions["fixture_api"].config["seen"]
    seen.clear()
    text = page(app, scenario="no-charts")
    assert text.count("No chart just now") == 4
    assert sum("/series/" in path for _, path, _ in seen) == 1


def test_throttled_seconds_are_those_of_the_worst_reason_within_the_range() -> None:
    table = Series(
        unit="ratio",
        times=[0, 60, 120],
        names=["low_utilization", "power_cap", "thermal"],
        columns=[[1.0, 1.0, 1.0], [1.0, 0.5, None], [0.0, 0.0, 0.1]],
    )
    chart = Chart("throttled", "", table)
    assert throttled(chart) == 30
    assert throttled(replace(chart, table=table.model_copy(update={"names": []}))) is None
    assert throttled(replace(chart, table=None)) is None
