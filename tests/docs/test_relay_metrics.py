"""The page of the relay's metrics names those that the code has, with their labels, and no more."""

import re
from pathlib import Path

import pytest

from controllers import relay
from controllers.relay.server import observed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/relay-metrics.md").read_text()
FAMILY = re.compile(
    r'(Counter|Gauge|Histogram)(?:MetricFamily)?\(\s*_?PREFIX \+ "(\w+)",\s*(".*?")?'
    r"(?:,\s*(?:labels=)?\[(.*?)\])?",
    re.DOTALL,
)


def made(side: str) -> dict[str, list[str]]:
    """Label names by metric."""
    found = {}
    for path in (Path(str(relay.__file__)).parent / side).glob("*.py"):
        for kind, name, _, labels in FAMILY.findall(path.read_text()):
            whole = f"neurox_relay_{side}_{name}" + "_total" * (kind == "Counter")
            found[whole] = re.findall(r'"(\w+)"', labels)
    return found


@pytest.mark.parametrize(("side", "least"), [("server", 17), ("client", 5)])
def test_every_metric_is_on_the_page_and_none_besides(side: str, least: int) -> None:
    rows = re.findall(rf"^\| `(neurox_relay_{side}_\w+)` \|(.*?)\|", PAGE, re.MULTILINE)
    assert {name: re.findall(r"`(\w+)`", labels) for name, labels in rows} == made(side)
    assert len(rows) >= least


def test_every_outcome_of_a_new_key_and_every_reason_is_explained() -> None:
    for word in (*observed.ROTATIONS, *observed.REVOCATIONS):
        assert f"`{word}`" in PAGE
