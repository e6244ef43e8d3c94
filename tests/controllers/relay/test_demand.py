"""How many links a client dials, and when."""

import pytest

from controllers.relay.client.demand import Links, backoff, dials, refused_wait
from controllers.relay.limits import PoolSize, Timing

SIZE = PoolSize(min=4, start=8, max=64)


@pytest.mark.parametrize(
    ("links", "wanted", "reachable", "started", "expected"),
    [
        (Links(0, 0, 0), 0, False, False, 1),  # one prober
        (Links(0, 0, 1), 0, False, False, 0),
        (Links(1, 0, 0), 0, True, False, 4),  # four at a time
        (Links(6, 0, 0), 0, True, False, 2),
        (Links(4, 0, 0), 0, True, True, 0),
        (Links(3, 1, 0), 0, True, True, 1),  # one was taken
        (Links(0, 60, 0), 0, True, True, 4),
        (Links(0, 63, 0), 9, True, True, 1),  # never beyond the limit
        (Links(0, 64, 0), 9, True, True, 0),
        (Links(4, 20, 0), 3, True, True, 3),  # the server asks for more
        (Links(4, 20, 3), 3, True, True, 0),
        (Links(0, 0, 0, draining=4), 0, True, True, 4),  # replacements
        (Links(0, 30, 0, draining=34), 0, True, True, 0),
    ],
)
def test_dials(links: Links, wanted: int, reachable: bool, started: bool, expected: int) -> None:
    assert dials(links, SIZE, wanted, reachable, started) == expected


def test_back_off_doubles_to_eight_seconds_and_is_never_under_one() -> None:
    assert [backoff(n, 1.0) for n in range(1, 7)] == [1, 2, 4, 8, 8, 8]
    assert [backoff(n, 0.5) for n in range(1, 5)] == [1, 1, 2, 4]


def test_a_refusal_is_given_the_time_it_asks_for() -> None:
    assert refused_wait(401, 60.0, 1.0) == 61
    assert refused_wait(403, None, 0.5) == 300.5
    assert refused_wait(503, 5.0, 0.5) == 5.5
    assert refused_wait(502, None, 0.5) == 1.5
    assert refused_wait(503, 1e9, 0.5) == 300.5


def test_a_servers_wishes_are_met_within_reason() -> None:
    assert PoolSize(4, 8, 64).bounded() == PoolSize(4, 8, 64)
    assert PoolSize(10**9, 10**9, 10**9).bounded() == PoolSize(64, 64, 64)
    assert PoolSize(-5, 0, -1).bounded() == PoolSize(1, 1, 1)
    assert Timing().asked(20.0) == Timing(20.0, 45.0)
    assert Timing().asked(0.0) == Timing(1.0, 45.0)
    assert Timing().asked(1e9) == Timing(60.0, 120.0)
