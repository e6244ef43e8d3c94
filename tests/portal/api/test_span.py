import pytest

from portal.api.answer import BadQuery
from portal.api.span import POINTS_MOST, span

NOW = 1_800_000_007.0


def test_a_relative_span_lies_on_whole_steps() -> None:
    found = span("-1h", "now", "60s", NOW)
    assert found.step == 60
    assert found.start % 60 == found.end % 60 == 0
    assert NOW - 3600 <= found.start < NOW - 3540
    assert NOW - 60 < found.end <= NOW
    assert found.times[0] == found.start
    assert found.times[-1] == found.end


def test_the_same_chart_a_second_later_asks_for_the_same_points() -> None:
    assert span("-1h", "now", "60", NOW) == span("-1h", "now", "60", NOW + 1)


def test_without_a_step_there_are_as_many_points_as_fit_a_chart() -> None:
    for since in ("-1h", "-24h", "-7d", "-30d"):
        assert 200 < len(span(since, "now", None, NOW).times) <= 242
    assert span("-1m", "now", None, NOW).step == 15


def test_rfc_3339_times_are_taken_and_the_future_is_not_asked_for() -> None:
    found = span("2027-01-15T07:00:00Z", "2027-01-15T09:00:00+01:00", "15m", NOW)
    assert (found.start, found.end) == (1_799_996_400, 1_800_000_000)
    assert span("-1h", "2100-01-01T00:00:00Z", "15", NOW).end <= NOW


@pytest.mark.parametrize(
    ("since", "until", "step", "field"),
    [
        ("now", "now", None, "from"),
        ("-1h", "-2h", None, "from"),
        ("yesterday", "now", None, "from"),
        ("-1h", "1e9", None, "to"),
        ("-1y", "now", None, "from"),
        ("-9999999w", "now", None, "from"),
        ("-1h", "now", "0", "step"),
        ("-1h", "now", "-15s", "step"),
        ("-1h", "now", "1s", "step"),
        ("-1h", "now", "NaN", "step"),
        ("0001-01-01T00:00:00+23:59", "now", None, "from"),
        ("-11000w", "now", None, "from"),
        ("-9y", "now", None, "from"),
        ("-400w", "now", "5s", "step"),
    ],
)
def test_what_makes_no_span_is_named(since: str, until: str, step: str | None, field: str) -> None:
    with pytest.raises(BadQuery) as refused:
        span(since, until, step, NOW)
    assert refused.value.field == field


def test_too_many_points_are_refused_with_the_step_that_would_do() -> None:
    with pytest.raises(BadQuery, match="at most 11000") as refused:
        span("-521w", "now", "5s", NOW)
    assert refused.value.status == 422
    assert len(span("-521w", "now", "28651s", NOW).times) <= POINTS_MOST + 1
