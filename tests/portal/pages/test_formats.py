"""Numbers as people read them."""

from datetime import UTC, datetime

import pytest

from portal.pages import formats


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (None, "–"),
        (0.0, "0 %"),
        (0.004, "<1 %"),
        (0.5, "50 %"),
        (0.996, "99 %"),
        (1.0, "100 %"),
        (1e308, "100 %"),
        (-1e308, "0 %"),
    ],
)
def test_a_ratio_shows_in_percent_and_unknown_is_no_zero(ratio: float | None, shown: str) -> None:
    assert formats.percent(ratio) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(None, "–"), (0, "0 B"), (1536, "1.5 KiB"), (80 * 1024**3, "80.0 GiB"), (2**60, "1024 PiB")],
)
def test_bytes_show_in_binary_units(count: float | None, shown: str) -> None:
    assert formats.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "–"), (-3, "0 s"), (6, "6 s"), (240, "4 min"), (11520, "3.2 h"), (1e6, "12 d")],
)
def test_a_duration_shows_in_the_unit_that_matters(seconds: float | None, shown: str) -> None:
    assert formats.duration(seconds) == shown


def test_a_reading_carries_its_unit() -> None:
    assert formats.reading(394.25, "watts") == "394 W"
    assert formats.reading(None, "watts") == "–"
    assert formats.reading(0.5, "ratio") == "50 %"


def test_a_moment_shows_in_utc() -> None:
    assert formats.clock(datetime(2026, 11, 7, 7, 43, tzinfo=UTC)) == "2026-11-07 07:43 UTC"


@pytest.mark.parametrize("href", ["javascript:alert(1)", "//elsewhere", "https://x", "/\\x"])
def test_a_link_that_leads_away_leads_home_instead(href: str) -> None:
    assert formats.inside(href) == "/"


def test_heat_has_five_steps() -> None:
    assert [formats.heat(r) for r in (None, 0.0, 0.2, 0.3, 0.6, 0.8, 1.0, 1e308)] == [
        "u0", "u0", "u1", "u2", "u3", "u4", "u4", "u4",
    ]  # fmt: skip
