import itertools
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.integrals import GAP_SECONDS, LATE_SECONDS, Integrals


def test_a_rate_is_integrated_by_trapezium() -> None:
    integrals = Integrals()
    assert integrals.integrate("gpu", 0.5, 100.0) == 0
    assert integrals.integrate("gpu", 1.0, 102.0) == 1.5


def test_time_without_samples_adds_nothing() -> None:
    integrals = Integrals()
    integrals.integrate("gpu", 1.0, 0.0)
    assert integrals.integrate("gpu", 1.0, GAP_SECONDS + 1) == 0
    assert integrals.integrate("gpu", 1.0, GAP_SECONDS + 2) == 1


def totals(integrals: Integrals, *raws: float, from_zero: bool = False) -> list[float | None]:
    """A reading each ten seconds, of a counter that may grow by 10 a second."""
    follow = partial(integrals.follow, "gpu", most=10.0, from_zero=from_zero)
    return [follow(raw, next(clock) * 10.0) for raw in raws]


clock = itertools.count(1)


def test_a_counter_that_starts_anew_is_carried_over() -> None:
    assert totals(Integrals(), 500.0, 600.0, 20.0, 30.0) == [500, 600, 620, 630]


def test_a_wobble_is_no_new_start_but_any_fall_after_a_reload_is() -> None:
    integrals = Integrals()
    assert totals(integrals, 150.0, 149.0, 152.0) == [150, 150, 152]
    integrals.anew()
    assert totals(integrals, 100.0, 99.0, 110.0) == [252, 252, 262]


def test_a_driver_that_counts_after_all_adds_nothing_of_before() -> None:
    integrals = Integrals()
    integrals.add("bytes", 7.0)
    assert not integrals.follows("bytes")
    assert [integrals.follow("bytes", raw, 0.0) for raw in (500.0, 600.0)] == [7, 107]
    assert integrals.follows("bytes")


def test_what_was_counted_before_the_agent_can_be_left_out() -> None:
    assert totals(Integrals(), 500.0, 600.0, from_zero=True) == [0, 100]


@pytest.mark.parametrize(
    ("raws", "expected"),
    [
        pytest.param((500.0, 2.0**63, 600.0), [500, None, 600], id="once too high"),
        pytest.param((500.0, -1.0, 600.0), [500, None, 600], id="once below zero"),
        pytest.param((5e5, 0.0, 5e5 + 90), [5e5, 5e5, None], id="once zero"),
        pytest.param((500.0, 9e9, 9e9 + 5, 9e9 + 7), [500, None, 505, 507], id="a jump for good"),
        pytest.param((2.0**63, 500.0, 600.0), [None, 500, 600], id="too high at first"),
        pytest.param((9e9, 9e9 + 5), [None, 9e9 + 5], id="truly high at first"),
        pytest.param((9e9, 7.0, -1.0, 8.0), [None, 7, None, 8], id="nothing is borne out by less"),
    ],
)
def test_a_reading_that_can_not_be_leaves_no_mark(
    raws: tuple[float, ...], expected: list[float | None]
) -> None:
    assert totals(Integrals(), *raws) == expected


def test_a_counter_that_was_wrongly_low_goes_on_from_where_it_is() -> None:
    assert totals(Integrals(), 5e5, 0.0, 5e5, 5e5 + 90) == [5e5, 5e5, None, 5e5 + 90]


def test_a_long_silence_may_bring_much() -> None:
    integrals = Integrals()
    assert integrals.follow("gpu", 0.0, 0.0, 10.0) == 0
    assert integrals.follow("gpu", 36000.0, 3600.0, 10.0) == 36000


def test_a_rate_that_can_not_be_is_as_none() -> None:
    integrals = Integrals()
    rates = [integrals.integrate("gpu", rate, at, 5.0) for at, rate in enumerate((1.0, 1e30, 1.0))]
    assert rates == [0, None, 2]


@given(st.lists(st.floats(0, 1e12), min_size=1))
def test_a_step_never_adds_more_than_its_time_allows(raws: list[float]) -> None:
    found = [total for total in totals(Integrals(), *raws) if total is not None]
    steps = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert found == sorted(found)
    assert all(step <= 10.0 * (10.0 * len(raws) + LATE_SECONDS) + 1e-3 for step in steps)


@given(st.lists(st.floats(0, 1e12), min_size=1), st.lists(st.floats(0, 1e4), min_size=1))
def test_no_total_ever_goes_back(raws: list[float], rates: list[float]) -> None:
    integrals = Integrals()
    followed = [integrals.follow("energy", raw, at) for at, raw in enumerate(raws)]
    summed = [integrals.integrate("busy", rate, at * 3.0) for at, rate in enumerate(rates)]
    assert followed == sorted(followed)
    assert summed == sorted(summed)
