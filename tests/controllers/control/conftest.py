import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

sys.path.insert(0, str(Path(__file__).parent))
from dispatching import Hub


@pytest.fixture
def hub(redis: Redis, until: Callable[..., None]) -> Iterator[Hub]:
    hub = Hub(redis)
    yield hub
    until(lambda: not hub.loop._errands.busy)
