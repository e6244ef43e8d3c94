"""A hub, clusters and what stands behind both: real processes, sockets, TLS and Valkey."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis

from infra.local import relay_pki
from tests.conftest import Valkey
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.program import await_that
from tests.controllers.relay.site import Site


@pytest.fixture(scope="package")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    relay_pki.ensure(folder, datetime.now(UTC))
    return folder


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, pki: Path, valkey_url: str) -> Iterator[Hub]:
    """A relay-server for the tests of one file."""
    with Redis.from_url(valkey_url, socket_timeout=5) as redis:
        hub = Hub(tmp_path_factory.mktemp("hub"), pki, redis, valkey_url)
        yield hub
        hub.close()


@pytest.fixture
def hubs(tmp_path: Path, pki: Path, valkey: Valkey) -> Iterator[list[Hub]]:
    """Two replicas on one Valkey that may be killed."""
    with Redis.from_url(valkey.url, socket_timeout=5) as redis:
        hubs: list[Hub] = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            hubs.append(Hub(tmp_path / name, pki, redis, valkey.url))
        yield hubs
        for hub in hubs:
            hub.close()


@pytest.fixture
def new_site(hub: Hub, tmp_path: Path) -> Iterator[Callable[[], Site]]:
    """Makes clusters that have a record, and are not joined yet."""
    if hub.program.process.poll() is not None:
        hub.start()  # the test before this one failed while it was down
    with ExitStack() as stack:

        def make() -> Site:
            name = uuid.uuid4().hex[:8]
            site = Site(hub, tmp_path / name, hub.record(name))
            stack.callback(site.close)
            return site

        yield make


@pytest.fixture
def site(new_site: Callable[[], Site]) -> Site:
    """A cluster that has joined."""
    site = new_site()
    site.join()
    return site


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Waits for a condition, with a deadline."""
    return await_that


@pytest.fixture(scope="session")
def site_class() -> type[Site]:
    """For clusters that live longer than one test."""
    return Site
