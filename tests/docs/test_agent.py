"""What the page of the agent names exists: metrics, values, variables, messages."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.settings import VARIABLES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "use" / "agent.md").read_text()
SOURCES = [path for path in (ROOT / "agent").rglob("*.py") if "simulated" not in path.parts]


def names(pattern: str) -> set[str]:
    found = set(re.findall(pattern, PAGE))
    assert found
    return found


def test_every_metric_is_in_the_catalogue() -> None:
    with (ROOT / "agent" / "metrics.csv").open() as table:
        known = {row["name"] for row in csv.DictReader(table)}
    assert names(r"\bneurox_[a-z]+_[a-z_]*[a-z]\b(?!\*)") <= known


def test_every_value_is_the_charts() -> None:
    schema = yaml.safe_load((ROOT / "charts/neurox-workload/values.schema.yaml").read_text())
    known = set(_paths(schema))
    asked = names(r"(?<![-\w])(?:agentOnly|(?:agent|networkPolicy)\.[a-zA-Z.]*[a-zA-Z])\b")
    assert {name for name in asked if not _below(name, known)} == set()


def test_every_variable_is_the_agents() -> None:
    assert names(r"\bNEUROX_[A-Z_]+\b") <= VARIABLES.keys()


@pytest.mark.parametrize("words", sorted(re.findall(r"\| log: `([^`]+)`", PAGE)))
def test_every_message_is_the_agents(words: str) -> None:
    said = "".join(path.read_text() for path in SOURCES)
    assert words in said


def _paths(schema: Any, path: str = "") -> Iterator[str]:
    for key, each in schema.get("properties", {}).items():
        yield f"{path}{key}"
        yield from _paths(each, f"{path}{key}.")


def _below(name: str, known: set[str]) -> bool:
    """A map's keys are the user's: `agent.nodeSelector.KEY`."""
    parts = name.split(".")
    if name in known:
        return True
    maps = ("agent.nodeSelector", "agent.annotations", "agent.serviceMonitor.labels")
    return any(".".join(parts[:size]) in maps for size in range(1, len(parts)))
