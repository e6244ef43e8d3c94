from pathlib import Path

from agent.catalogue import METRICS
from agent.dcgm.names import FIELDS
from agent.reference import page

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def test_the_page_is_what_the_tables_make_of_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make reference`"


def test_every_metric_and_every_name_of_dcgm_is_on_the_page_once() -> None:
    rows = [line.split(" | ") for line in page().splitlines() if line.startswith("| `")]
    named = [row[0].strip("| `") for row in rows]
    for name in [*METRICS, *(field.legacy.name for field in FIELDS)]:
        assert named.count(name) == 1, name
    assert len({len(row) for row in rows}) == 2  # tables of seven columns, and of two
