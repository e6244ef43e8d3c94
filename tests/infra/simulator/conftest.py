import os
from pathlib import Path

import pytest

from agent.simulated.build import build
from infra.tools.toolbox import Toolbox


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the simulated driver."""
    env = {**os.environ, **Toolbox.from_env().c_compiler()}
    return build(tmp_path_factory.mktemp("nvml"), env).parent
