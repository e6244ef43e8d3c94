from dataclasses import replace

import pytest

from controllers.preflight.checks import RIGHTS, Finding, findings
from controllers.preflight.facts import Facts, Installed, Node, ahead
from controllers.preflight.report import document, failed, text

FINE = Facts(
    version=(1, 37),
    rights={right: True for plane in RIGHTS.values() for right in plane},
    storage_classes=("standard",),
    default_storage_class="standard",
    nodes=(Node("a", 8, True, "570.1"), Node("b", 8, True)),
    runtime_classes=("nvidia",),
    mutating_policies=True,
    installed=(),
    clock_seconds=0.4,
)


def found(plane: str, facts: Facts) -> dict[str, Finding]:
    return {each.check: each for each in findings(facts, plane, "neurox-system")}  # type: ignore[arg-type]


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
        ("control", {"rights": {}}, "rights", "failed", "you may not create deployments, services"),
        ("workload", {"rights": {}}, "rights", "failed", "clusterroles"),
        ("control", {"clock_seconds": -90.0}, "clock", "failed", "90 s behind"),
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
        ("workload", {"runtime_classes": None}, "RuntimeClass", "warning", "not known"),
        ("workload", {"nodes": None}, "GPU nodes", "warning", "you may not list nodes"),
        ("workload", {"nodes": None}, "driver", "warning", "not known"),
        (
            "workload",
            {"nodes": (Node("a", 8, False),)},
            "GPU nodes",
            "warning",
            "node a without the label nvidia.com/gpu.present=true",
        ),
        (
            "workload",
            {"nodes": (Node("a", 8, True), Node("b", 0, True))},
            "GPU nodes",
            "warning",
            "offering no nvidia.com/gpu: node b",
        ),
        (
            "workload",
            {"nodes": tuple(Node(str(i), 8, False) for i in range(9))},
            "GPU nodes",
            "warning",
            "9 nodes without",
        ),
        ("control", {"storage_classes": None}, "StorageClass", "warning", "not known"),
        ("control", {"installed": None}, "installed", "warning", "not known"),
        (
            "control",
            {"installed": (Installed("control", "hub", "there"),)},
            "installed",
            "warning",
            "release hub in there",
        ),
        (
            "workload",
            {"installed": (Installed("workload", "w", "there"),)},
            "installed",
            "failed",
            "release w in there",
        ),
    ],
)
def test_what_is_not_well_is_said_with_what_to_do(
    plane: str, change: dict[str, object], check: str, state: str, says: str
) -> None:
    one = found(plane, replace(FINE, **change))[check]  # type: ignore[arg-type]
    assert one.state == state
    assert says in one.says
    assert one.fix


def test_a_release_in_the_same_namespace_is_upgraded() -> None:
    here = replace(FINE, installed=(Installed("workload", "w", "neurox-system"),))
    one = found("workload", here)["installed"]
    assert (one.state, one.says) == ("ok", "release w is here: use helm upgrade")


def test_the_other_plane_is_nobodys_business() -> None:
    other = replace(FINE, installed=(Installed("control", "hub", "there"),))
    assert found("workload", other)["installed"].state == "ok"


def test_whoever_does_not_install_needs_no_rights() -> None:
    assert "rights" not in found("workload", replace(FINE, rights=None))


@pytest.mark.parametrize(
    ("server", "seconds"),
    [(100, 0.0), (99, 0.0), (101, 0.0), (220, 118.5), (0, -99.2)],
)
def test_whole_seconds_are_as_good_as_they_can_be(server: float, seconds: float) -> None:
    """Asked from 100.2 to 101.5: a clock that says 100 may be right."""
    assert ahead(server, 100.2, 101.5) == pytest.approx(seconds, abs=0.25)


def test_a_workload_cluster_needs_no_disk() -> None:
    assert "StorageClass" not in found("workload", FINE)


def test_the_report_is_for_people_and_for_programs() -> None:
    each = [Finding("a", "ok", "fine"), Finding("bcd", "failed", "broken", "mend it")]
    assert text(each) == (
        "ok       a    fine\n"
        "FAILED   bcd  broken\n"
        "              do: mend it\n"
        "Not ready: 1 FAILED.\n"
    )
    assert text(each[:1]).endswith("Ready.\n")
    assert '"ready": false' in document(each)
