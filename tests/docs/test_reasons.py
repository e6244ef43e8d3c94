"""The documentation names every reason why a workload waits, and none that does not exist."""

import re
from pathlib import Path

from controllers.workload.workloads import _ENDS

ROOT = Path(__file__).parents[2]
MADE = re.compile(r'Reason\(\s*"(\w+)"')


def test_every_reason_is_documented_and_every_documented_one_exists() -> None:
    files = [f for package in ("controllers", "portal") for f in (ROOT / package).rglob("*.py")]
    made = set().union(*(MADE.findall(file.read_text()) for file in files))
    told = (ROOT / "docs/concepts.md").read_text().partition("## Why a workload waits")[2]
    assert set(re.findall(r"`([A-Z_]+)`", told)) == made | {*_ENDS.values(), "FAILED"}
