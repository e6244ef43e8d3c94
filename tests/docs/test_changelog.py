"""The section of the next release can be read: grouped, short, and nothing said twice."""

import re
from collections import Counter
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
SECTION = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1]
ENTRIES = [" ".join(entry.split()) for entry in re.findall(r"^- (.*(?:\n  .*)*)", SECTION, re.M)]


def test_each_entry_stands_in_a_group() -> None:
    ahead = SECTION.partition("\n### ")[0]
    assert "\n- " not in ahead
    groups = re.findall(r"^### (\w+)", SECTION, re.MULTILINE)
    assert {*groups} <= {"Before", "Added", "Changed", "Fixed"}


def test_no_entry_stands_twice_or_is_a_page() -> None:
    assert ENTRIES
    assert [entry for entry, times in Counter(ENTRIES).items() if times > 1] == []
    assert [entry for entry in ENTRIES if len(entry) > 250] == []


def test_every_line_is_of_an_entry() -> None:
    """As a merge that keeps both sides may leave the end of one behind another."""
    loose = [
        one for one in SECTION.splitlines()[1:] if one and not one.startswith(("- ", "  ", "#"))
    ]
    assert loose == []
    assert [entry for entry in ENTRIES if not entry.endswith(".")] == []
