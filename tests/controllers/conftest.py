import time
from collections.abc import Callable

import pytest


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait on a condition with a deadline."""

    def wait(condition: Callable[[], object], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true"
            time.sleep(0.01)

    return wait
