from pathlib import Path

import pytest

from tests.agent.attribution.one_gpu import Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)
