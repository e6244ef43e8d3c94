"""The documentation names every setting, and none that does not exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
INTERNAL = {"NEUROX_AGENT_", "NEUROX_LOCAL_STATE"}


def _named(text: str) -> set[str]:
    return set(re.findall(r"NEUROX_[A-Z_]+", text)) - INTERNAL


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    sources = [
        path
        for package in ("agent", "controllers", "portal", "infra")
        for pattern in ("*.py", "*.c")
        for path in (ROOT / package).rglob(pattern)
    ]
    read = set().union(*(_named(path.read_text()) for path in sources))
    documented = _named((ROOT / "docs/reference/settings.md").read_text())
    assert documented == read
