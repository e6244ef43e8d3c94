import os
import socket
from collections.abc import Iterator

import pytest

from infra.local import ports
from infra.local.errors import CONFLICT, LocalError
from infra.local.ports import Ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((ports.LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_port_stays_the_same_by_its_name() -> None:
    known: dict[str, int] = {}
    first = Ports(known).get("redis")
    assert Ports(known).get("redis") == first
    assert known == {"redis": first}


def test_a_remembered_port_that_is_taken_is_chosen_anew(taken: int) -> None:
    known = {"redis": taken}
    assert Ports(known).get("redis") != taken
    assert known["redis"] != taken


def test_two_names_never_share_a_port() -> None:
    given = Ports({"a": 20001, "b": 20001})
    names = ["a", "b", *(f"n{index}" for index in range(50))]
    assert len({given.get(name) for name in names}) == len(names)


def test_a_strict_port_that_is_taken_is_refused_with_its_holder(taken: int) -> None:
    with pytest.raises(LocalError, match=f"port {taken} is taken by .*{os.getpid()}") as refused:
        Ports({}).http(taken)
    assert refused.value.exit_code == CONFLICT


def test_the_portals_port_is_the_remembered_one_else_the_next_free(taken: int) -> None:
    free = Ports({}).get("any")
    assert Ports({"http": free}).http(None) == free
    assert Ports({"http": taken}).http(None) >= ports.HTTP


def test_two_fleets_that_start_together_get_different_ports() -> None:
    first, second = Ports({}), Ports({})
    port = first.http(None)
    assert second.http(None) != port
    with pytest.raises(LocalError, match=f"port {port} is another starting neurox's"):
        Ports({}).http(port)
    del first
    assert Ports({"http": port}).http(None) == port
