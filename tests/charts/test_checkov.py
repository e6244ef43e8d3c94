"""What checkov says of every rendered object: nothing, but what is waived here with a reason."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.value_sets import SETS

pytestmark = pytest.mark.slow

PROGRAM = Path(sys.prefix) / "checkov" / "bin" / "checkov"


@dataclass(frozen=True)
class Waiver:
    """Checks that need not pass, for the objects that a pattern matches."""

    checks: frozenset[str]
    objects: str
    reason: str

    def covers(self, check: str, resource: str) -> bool:
        return check in self.checks and re.fullmatch(self.objects, resource) is not None


def waive(checks: str, objects: str, reason: str) -> Waiver:
    return Waiver(frozenset(f"CKV_K8S_{number}" for number in checks.split()), objects, reason)


WAIVERS = [
    waive(
        "15 43",
        ".*",
        "digests are filled by make pin-images where a registry can be reached; tags never move, "
        "and a node that holds the image must start pods when no registry answers",
    ),
    waive(
        "11",
        r"StatefulSet\..*-(redis|thanos-receive)",
        "all else waits for what these two write; a limit of the processor would throttle it",
    ),
    waive(
        "17 23 40",
        r"DaemonSet\..*\.neurox-agent",
        "the agent tells processes by the host's pids and reads a socket of root's; it has no "
        "capability and a namespace of its own",
    ),
    waive(
        "38",
        r"Deployment\..*\.neurox-(workload-manager|relay-client|prometheus)",
        "these three ask the API server, by name of what they may; nobody else has a token",
    ),
    waive(
        "25",
        r"Deployment\..*-edge",
        "Caddy's own image demands NET_BIND_SERVICE of whoever starts it",
    ),
    waive("8 9", r"Pod\..*\.neurox(-workload)?-test", "the pods of helm test run once and end"),
]


@pytest.fixture(scope="module")
def failed(render: Any, tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Check and object of everything that did not pass, under any set of values."""
    assert PROGRAM.exists(), f"{PROGRAM} is not there: `make .venv/.checkov` installs it"
    folder = tmp_path_factory.mktemp("rendered")
    for name, (chart, values) in SETS.items():
        text = yaml.dump_all(render(chart, values), Dumper=yaml.CSafeDumper)
        (folder / f"{name}.yaml").write_text(text)
    words = ("--directory", str(folder), "--framework", "kubernetes", "--output", "json")
    done = subprocess.run(
        (str(PROGRAM), *words, "--quiet", "--compact", "--skip-download", "--soft-fail"),
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 500 * len(SETS)
    return set(found(report))


def found(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for each in report["results"]["failed_checks"]:
        yield each["check_id"], each["resource"]


def test_nothing_fails_but_what_is_waived(failed: set[tuple[str, str]]) -> None:
    left = [each for each in failed if not any(waiver.covers(*each) for waiver in WAIVERS)]
    assert sorted(left) == []


def test_waivers_are_few_and_each_is_needed(failed: set[tuple[str, str]]) -> None:
    assert len(WAIVERS) <= 6
    for waiver in WAIVERS:
        needed = {check for check, resource in failed if waiver.covers(check, resource)}
        assert needed == waiver.checks, waiver.reason
