"""The top of the tree holds what a stranger is to see, and nothing that was forgotten there."""

import subprocess
from pathlib import Path

FOLDERS = {".ci", "agent", "charts", "controllers", "docs", "infra", "portal", "pulumi", "tests"}
TEXTS = {"CHANGELOG.md", "LICENSE", "README.md"}
BUILD = {".gitignore", "Makefile", "constraints.txt", "ruff.toml", "setup.cfg", "setup.py"}


def test_nothing_is_left_lying_at_the_top() -> None:
    listed = subprocess.run(
        ["git", "ls-tree", "-z", "--name-only", "HEAD"],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert {*listed.rstrip("\0").split("\0")} == FOLDERS | TEXTS | BUILD
