"""The page about the scenario format against the library."""

import re
from pathlib import Path

from tests.agent.driven import python

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "scenario.md"
SOURCE = ROOT / "agent" / "simulated" / "keys.c"


def test_every_key_is_documented() -> None:
    tables = SOURCE.read_text().partition("TOP_KEYS")[2]
    keys = set(re.findall(r'\b(?:TOP|GPU)\((\w+),|\((?:\w+, )?"(\w+)"', tables))
    names = {first or second for first, second in keys}
    assert len(names) > 80
    page = PAGE.read_text()
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_the_example_works(library: Path, tmp_path: Path) -> None:
    example = re.search(r"```ini\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    script = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetCount())"
    done = python(library, tmp_path, example[1], script)
    assert (done.stdout, done.stderr) == ("2\n", "")
