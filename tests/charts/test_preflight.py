"""`neurox preflight` asks for the very rights that the charts need."""

from importlib.metadata import version
from typing import Any

import kubernetes_validate
import pytest
import yaml

from controllers.preflight import job
from controllers.preflight.checks import OLDEST, RIGHTS, Plane
from tests.charts.conftest import CHARTS as FOLDER

CHARTS: dict[Plane, str] = {"control": "neurox", "workload": "neurox-workload"}


@pytest.mark.parametrize("plane", CHARTS)
def test_preflight_asks_for_the_rights_that_the_chart_needs(render: Any, plane: Plane) -> None:
    made = [each for each in render(CHARTS[plane], {}) if each["kind"] != "Pod"]
    assert {_right(each) for each in made} == set(RIGHTS[plane])


def _right(each: dict[str, Any]) -> tuple[str, str, str]:
    kind = each["kind"].lower()
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return "create", each["apiVersion"].rpartition("/")[0], plural


def test_preflight_and_the_charts_agree_on_the_oldest_kubernetes(helm: Any) -> None:
    major, minor = OLDEST
    for chart in CHARTS.values():
        words = ("template", "a", str(FOLDER / chart), "--kube-version")
        assert helm(*words, f"{major}.{minor}.0", values={}).returncode == 0
        assert helm(*words, f"{major}.{minor - 1}.0", values={}).returncode == 1


def test_the_manifest_beside_the_charts_is_made_by_the_command() -> None:
    assert (FOLDER / "preflight.yaml").read_text() == job.manifest("control")


@pytest.mark.parametrize("plane", CHARTS)
def test_the_job_is_valid_and_as_narrow_as_our_other_pods(plane: Plane) -> None:
    objects = list(yaml.safe_load_all(job.manifest(plane, "https://hub", "CERTIFICATE")))
    for each in objects:
        kubernetes_validate.validate(each, "1.37", strict=True)
    kinds = {each["kind"]: each for each in objects}
    assert {verb for rule in kinds["ClusterRole"]["rules"] for verb in rule["verbs"]} == {"list"}
    assert kinds["ConfigMap"]["data"] == {"ca.crt": "CERTIFICATE"}
    (container,) = kinds["Job"]["spec"]["template"]["spec"]["containers"]
    assert container["args"][2:] == ["--hub=https://hub", f"--ca={job.CA_FILE}"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["image"].endswith(f":{version('neurox')}")
