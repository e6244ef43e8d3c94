import shutil

import pytest

from infra.components import ArgumentError, Charts
from infra.components.charts import CHECKOUT


def test_a_folder_is_used_as_it_is_named():
    chart = Charts(str(CHECKOUT)).chart("neurox")
    assert chart.reference == f"{CHECKOUT}/neurox"
    assert (chart.repository, chart.version) == (None, None)


def test_a_repository_is_asked_for_the_chart_and_the_version():
    chart = Charts("https://charts.example.com/", "0.1.0").chart("neurox")
    assert chart.reference == "neurox"
    assert chart.repository.repo == "https://charts.example.com"
    assert chart.version == "0.1.0"


def test_a_registry_is_asked_by_one_name():
    chart = Charts("oci://r.example.com/charts").chart("neurox")
    assert (chart.reference, chart.version) == ("oci://r.example.com/charts/neurox", None)


def test_a_change_in_a_folder_is_seen_and_only_that(tmp_path):
    shutil.copytree(CHECKOUT / "neurox-workload", tmp_path / "neurox-workload")
    (tmp_path / "neurox").mkdir()
    (tmp_path / "neurox/Chart.yaml").write_text("name: neurox\n")
    (tmp_path / "neurox/charts").symlink_to("../neurox-workload")
    before = Charts(str(tmp_path)).chart("neurox")
    assert before == Charts(str(tmp_path)).chart("neurox")
    (tmp_path / "neurox-workload/values.yaml").write_text("{}\n")
    assert before.description != Charts(str(tmp_path)).chart("neurox").description


@pytest.mark.parametrize(
    ("charts", "words"),
    [
        (Charts("/nowhere"), "/nowhere/neurox is no chart"),
        (Charts(version="1.0.0"), "version '1.0.0' cannot be chosen from the folder"),
    ],
)
def test_what_cannot_be_had_is_named(charts, words):
    with pytest.raises(ArgumentError, match=words):
        charts.chart("neurox")
