from dataclasses import replace

import pytest

from controllers.preflight.checks import RIGHTS, Finding, findings
from controllers.preflight.facts import Facts, Node
from controllers.preflight.report import document, failed, text

FINE = Facts(
    version=(1, 37),
    rights={right: True for plane in RIGHTS.values() for right in plane},
    storage_classes=("standard",),
    default_storage_class="standard",
    nodes=(Node("a", 8, "570.1"), Node("b", 8, None)),
    runtime_classes=("nvidia",),
    mutating_policies=True,
    clock_seconds=0.4,
)


def found(plane: str, facts: Facts) -> dict[str, Finding]:
    return {each.check: each for each in findings(facts, plane)}  # type: ignore[arg-type]


@pytest.mark.parametrize("plane", ["control", "workload"])
def test_a_cluster_that_has_everything_needs_nothing_done(plane: str) -> None:
    each = found(plane, FINE).values()
    assert {one.state for one in each} == {"ok"}
    assert not any(one.fix for one in each)
    assert not failed(list(each))


@pytest.mark.parametrize(
    ("plane", "change", "check", "state", "says"),
    [
        ("control", {"version": (1, 31)}, "Kubernetes", "failed", "1.31 is older than 1.32"),
        ("control", {"rights": {}}, "rights", "failed", "may not create deployments"),
        ("workload", {"rights": {}}, "rights", "failed", "create clusterroles"),
        ("control", {"clock_seconds": -90.0}, "clock", "failed", "90 s off"),
        ("control", {"clock_seconds": None}, "clock", "warning", "told no time"),
        ("control", {"default_storage_class": None}, "StorageClass", "warning", "standard"),
        (
            "control",
            {"default_storage_class": None, "storage_classes": ()},
            "StorageClass",
            "failed",
            "there is none",
        ),
        ("workload", {"mutating_policies": False}, "admission policies", "warning", "not served"),
        ("workload", {"nodes": ()}, "GPU nodes", "warning", "no node offers"),
        ("workload", {"nodes": ()}, "driver", "warning", "no node tells"),
        ("workload", {"runtime_classes": ()}, "RuntimeClass", "warning", "no RuntimeClass nvidia"),
    ],
)
def test_what_is_not_well_is_said_with_what_to_do(
    plane: str, change: dict[str, object], check: str, state: str, says: str
) -> None:
    one = found(plane, replace(FINE, **change))[check]  # type: ignore[arg-type]
    assert one.state == state
    assert says in one.says
    assert one.fix


def test_a_workload_cluster_needs_no_disk() -> None:
    assert "StorageClass" not in found("workload", FINE)


def test_the_report_is_for_people_and_for_programs() -> None:
    each = [Finding("a", "ok", "fine"), Finding("b", "failed", "broken", "mend it")]
    assert text(each) == "ok       a: fine\nFAILED   b: broken\n         do: mend it\n"
    assert '"ready": false' in document(each)
