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


def example() -> str:
    found = re.search(r"```ini\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_works(library: Path, tmp_path: Path) -> None:
    script = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetCount())"
    done = python(library, tmp_path, example(), script)
    assert (done.stdout, done.stderr) == ("2\n", "")


def test_the_agent_knows_the_process_of_the_example(library: Path, tmp_path: Path) -> None:
    script = (
        "import runpy, sys; sys.argv = ['agent', 'check']\n"
        "runpy.run_module('agent', run_name='__main__')"
    )
    done = python(library, tmp_path, example(), script)
    assert "ok  GPU 1" in done.stdout
    assert "visible; 0 on GPUs are in pods that nobody names" in done.stdout
    assert done.returncode == 0
