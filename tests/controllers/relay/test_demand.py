"""How many links a client dials, when, to whom, and which it lets go."""

from collections import Counter

import pytest

from controllers.relay.client.demand import (
    Idle,
    Links,
    backoff,
    closable,
    dials,
    join_wait,
    refused_wait,
    replaced,
    seek_wait,
    seeks,
)
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
    assert refused_wait(403, None, 0.5, barred=True) == 60.5
    assert refused_wait(503, 5.0, 0.5) == 5.5
    assert refused_wait(502, None, 0.5) == 1.5
    assert refused_wait(503, 1e9, 0.5) == 300.5


def test_a_servers_wishes_are_met_within_reason() -> None:
    assert PoolSize(4, 8, 64).bounded() == PoolSize(4, 8, 64)
    assert PoolSize(10**9, 10**9, 10**9).bounded() == PoolSize(64, 64, 64)
    assert PoolSize(-5, 0, -1).bounded() == PoolSize(1, 1, 1)
    assert Timing.asked(20.0) == Timing()
    assert Timing.asked(0.0) == Timing(1.0)
    assert Timing.asked(1e9) == Timing(60.0)
    assert (Timing().dead, Timing(2.0).dead) == (45.0, 4.5)


@pytest.mark.parametrize(
    ("held", "replicas", "expected"),
    [
        ([], ["a"], True),
        (["a"], ["a"], False),
        (["a"], [], False),  # an older server does not say who there is
        (["a", "a"], ["a", "b"], True),
        (["a", "b"], ["a", "b", "c"], False),
        (["gone"], ["a", "b"], True),
    ],
)
def test_links_to_two_replicas_are_sought(
    held: list[str], replicas: list[str], expected: bool
) -> None:
    assert seeks(held, replicas) is expected


def test_seeking_gets_rarer_as_long_as_it_finds_nobody_new() -> None:
    assert [seek_wait(misses, 1.0) for misses in (1, 2, 3, 6, 1000)] == [2, 4, 8, 60, 60]
    assert seek_wait(1, 0.5) == 1


def idle(replica: str, unused: float = 0.0, age: float = 0.0) -> Idle:
    return Idle(replica, unused, age, life=3600.0)


@pytest.mark.parametrize(
    ("links", "replicas", "expected"),
    [
        ([idle("a", 59)] * 8, ["a"], []),
        ([idle("a", 61)] * 6, ["a"], [0, 1]),  # the surplus over four
        ([idle("a", 70), *[idle("a", 90)] * 5], ["a"], [1, 2]),  # the least used
        ([idle("b", 99), *[idle("a", 61)] * 5], ["a", "b"], [1, 2]),  # the only one to b stays
        ([idle("a"), idle("a", age=3599)], ["a"], []),
        ([idle("a", age=3601)] * 4, ["a"], [0]),  # one after the other
        ([idle("a", age=3601)], ["a"], []),  # not before it is replaced
        ([idle("a", age=3601), idle("a")], ["a"], [0]),
        ([idle("a"), idle("a"), idle("b", age=3601)], ["a", "b"], []),
        ([idle("a"), idle("b"), idle("b", age=3601)], ["a", "b"], [2]),
        ([idle("a"), idle("c"), idle("b", age=3601)], ["a", "b", "c"], [2]),
    ],
)
def test_what_is_too_much_or_too_old_is_let_go(
    links: list[Idle], replicas: list[str], expected: list[int]
) -> None:
    assert closable(links, Counter(each.replica for each in links), replicas, SIZE) == expected


def test_over_an_hour_links_spread_over_a_replica_that_came_late() -> None:
    """Given minutes: all eight go to a; each is replaced once in its life, by turns at a and b."""
    links = {number: ("a", 48.0 + 3 * number) for number in range(8)}
    for minute in range(80):
        ages = [Idle(name, 0.0, minute * 60, life * 60) for name, life in links.values()]
        for index in closable(ages, Counter(each.replica for each in ages), ["a", "b"], SIZE):
            links[list(links)[index]] = ("ab"[index % 2], 1e9)
    assert Counter(name for name, _ in links.values()) == {"a": 4, "b": 4}


def test_a_refused_join_secret_is_tried_ever_more_rarely_up_to_five_minutes() -> None:
    assert [join_wait(refusals) for refusals in range(4)] == [60, 120, 240, 300]
    assert join_wait(10**6) == 300


def test_links_that_were_told_to_leave_are_kept_until_there_are_others_or_nowhere_to_go() -> None:
    assert (
        replaced(4.9, elsewhere=True, size=SIZE) == replaced(4.9, elsewhere=False, size=SIZE) == 4
    )
    assert replaced(5.1, elsewhere=True, size=SIZE) == 1
    assert replaced(5.1, elsewhere=False, size=SIZE) == 0
