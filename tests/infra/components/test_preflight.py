import json
import sys

import pulumi
import pytest

from infra.components import ArgumentError
from infra.components.preflight import require_ready

OK = {"check": "version", "state": "ok", "says": "Kubernetes 1.37", "fix": ""}
DISK = {"check": "storage", "state": "failed", "says": "no StorageClass", "fix": "make one"}
CLOCK = {"check": "clock", "state": "warning", "says": "40 s late", "fix": "run chrony"}


@pytest.fixture
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    return said


@pytest.fixture
def program(tmp_path):
    """A program that answers so, and writes down what it was asked."""

    def made(status, *items, stderr=""):
        script = tmp_path / "preflight.py"
        script.write_text(
            "import json, sys\n"
            f"open({str(tmp_path / 'asked')!r}, 'w').write(json.dumps(sys.argv[1:]))\n"
            f"sys.stderr.write({stderr!r})\n"
            f"print({json.dumps({'ready': not status, 'items': items}) if items else ''!r})\n"
            f"sys.exit({status})\n"
        )
        return (sys.executable, str(script))

    return made


def test_a_cluster_that_lacks_something_stops_the_program_with_the_fix(program, warnings):
    with pytest.raises(ArgumentError) as refused:
        require_ready("control", "hub", "neurox-system", program(1, OK, DISK, CLOCK))
    head, *failed = str(refused.value).splitlines()
    assert head.startswith("context hub is not ready for the control plane")
    assert failed == ["  storage: no StorageClass; make one"]


def test_it_is_asked_as_it_will_be_used(program, warnings, tmp_path):
    require_ready("workload", "east", "gpus", program(0, OK))
    asked = json.loads((tmp_path / "asked").read_text())
    assert asked == ["workload", "--context", "east", "--namespace", "gpus", "-o", "json"]
    require_ready("control", None, "gpus", program(0, OK))
    assert "--context" not in json.loads((tmp_path / "asked").read_text())
    assert warnings == []


def test_a_warning_stops_nobody(program, warnings):
    require_ready("control", None, "neurox-system", program(0, OK, CLOCK))
    assert warnings == ["preflight of the current context: clock: 40 s late; run chrony"]


def test_a_cluster_that_is_not_there_yet_stops_nobody(program, warnings):
    absent = {
        "check": "cluster",
        "state": "failed",
        "says": "no context hub",
        "fix": "see KUBECONFIG",
    }
    require_ready("control", "hub", "neurox-system", program(3, absent))
    assert warnings == ["preflight of context hub: cluster: no context hub; see KUBECONFIG"]


def test_a_program_that_breaks_down_is_not_a_yes(program, warnings):
    with pytest.raises(ArgumentError, match="preflight of context hub failed: no such option"):
        require_ready("control", "hub", "x", program(2, stderr="no such option"))
