from pathlib import Path

import pytest

from tests.agent.simulated.asked import Ask, ask_of


@pytest.fixture
def ask(library: Path, tmp_path: Path) -> Ask:
    """Runs a script on the simulated driver."""
    return ask_of(library, tmp_path)
