import os
from pathlib import Path

import pytest

from agent.simulated.build import build


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the simulated driver."""
    return build(tmp_path_factory.mktemp("nvml"), os.environ).parent
