from hypothesis import given
from hypothesis import strategies as st

from agent.integrals import GAP_SECONDS, Integrals


def test_a_rate_is_integrated_by_trapezium() -> None:
    integrals = Integrals()
    assert integrals.integrate("gpu", 0.5, 100.0) == 0
    assert integrals.integrate("gpu", 1.0, 102.0) == 1.5


def test_time_without_samples_adds_nothing() -> None:
    integrals = Integrals()
    integrals.integrate("gpu", 1.0, 0.0)
    assert integrals.integrate("gpu", 1.0, GAP_SECONDS + 1) == 0
    assert integrals.integrate("gpu", 1.0, GAP_SECONDS + 2) == 1


def test_a_counter_that_starts_anew_is_carried_over() -> None:
    integrals = Integrals()
    totals = [integrals.follow("gpu", raw) for raw in (500.0, 600.0, 20.0, 30.0)]
    assert totals == [500, 600, 620, 630]


def test_a_wobble_is_no_new_start_but_any_fall_after_a_reload_is() -> None:
    integrals = Integrals()
    assert [integrals.follow("gpu", raw) for raw in (500.0, 499.0, 502.0)] == [500, 500, 502]
    integrals.anew()
    assert [integrals.follow("gpu", raw) for raw in (400.0, 399.0, 410.0)] == [902, 902, 912]


def test_what_was_counted_before_the_agent_can_be_left_out() -> None:
    integrals = Integrals()
    assert [integrals.follow("gpu", raw, from_zero=True) for raw in (500.0, 600.0)] == [0, 100]


@given(st.lists(st.floats(0, 1e12), min_size=1), st.lists(st.floats(0, 1e4), min_size=1))
def test_no_total_ever_goes_back(raws: list[float], rates: list[float]) -> None:
    integrals = Integrals()
    followed = [integrals.follow("energy", raw) for raw in raws]
    summed = [integrals.integrate("busy", rate, at * 3.0) for at, rate in enumerate(rates)]
    assert followed == sorted(followed)
    assert summed == sorted(summed)
