"""The same address as a file."""

import csv
import io
import json

import pytest
from flask import Flask

from portal.pages.exports import cell
from portal.schemas import GpuOut


def test_csv_holds_all_pages_with_a_head_of_the_fields(app: Flask) -> None:
    answer = app.test_client().get("/gpus.csv")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert rows[0] == list(GpuOut.model_fields)
    assert len(rows) == 1 + 64


def test_json_holds_the_same_rows(app: Flask) -> None:
    assert len(json.loads(app.test_client().get("/workloads.json?state=Running").text)) == 18
    client = app.test_client()
    client.set_cookie("scenario", "empty")
    assert json.loads(client.get("/workloads.json").text) == []


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_cell_that_a_spreadsheet_would_run_is_disarmed(text: str) -> None:
    assert cell(text) == "'" + text


def test_numbers_and_unknowns_stay_what_they_are() -> None:
    assert (cell(-1.5), cell(None), cell([])) == ("-1.5", "", "[]")


def test_a_refused_export_is_an_error_page_and_no_file(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("scenario", "broken")
    answer = client.get("/gpus.csv")
    assert answer.status_code == 500
    assert "Content-Disposition" not in answer.headers
