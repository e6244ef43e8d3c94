"""The address of a page."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.pages.query import Query


def query(**given: str) -> Query:
    return Query.of(
        "/gpus", given, ("q", "state", "sort", "cursor", "page_size", "refresh", "from")
    )


def test_unknown_parameters_are_dropped_from_links() -> None:
    assert query(q="a b", evil="1").link() == "/gpus?q=a+b"


def test_a_changed_filter_starts_at_the_first_page() -> None:
    assert query(q="a", cursor="zz").link(state="busy") == "/gpus?q=a&state=busy"


def test_this_address_keeps_its_page() -> None:
    assert query(cursor="zz").here == "/gpus?cursor=zz"


def test_sorting_twice_turns_the_order_round() -> None:
    assert query(sort="node").sort_link("node") == "/gpus?sort=-node"
    assert query(sort="-node").sort_link("node") == "/gpus?sort=node"
    assert query().sort_link("node", "node") == "/gpus?sort=-node"


def test_aria_sort_follows_the_address() -> None:
    assert query(sort="-node").sorted_by("node") == "descending"
    assert query(sort="-node").sorted_by("model") == "none"


def test_an_export_holds_all_pages() -> None:
    assert query(q="a", cursor="zz", page_size="25").export("csv") == "/gpus.csv?q=a"


def test_odd_values_fall_back_to_the_defaults() -> None:
    odd = query(refresh="1", page_size="9999", **{"from": "-9y"})
    assert (odd.refresh_seconds, odd.page_size, odd.range) == (15, "50", "-1h")
    assert query(refresh="off").refresh_seconds == 0


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [(2, "-5m"), (6, "-15m"), (16, "-1h"), (59, "-1h"), (90, "-1h"), (99_999, "-1h")],
)
def test_charts_of_something_young_begin_near_its_start(minutes: int, shown: str) -> None:
    start = datetime.now(UTC) - timedelta(minutes=minutes)
    assert query().reaching(start).range == shown
    assert query().reaching(start, most="-30d").range in (shown, "-6h", "-30d")
    chosen = query(**{"from": "-24h"}).reaching(start)
    assert (chosen.range, chosen.link()) == ("-24h", "/gpus?from=-24h")


def test_a_path_is_quoted_in_links() -> None:
    assert Query('/workloads/a"b c', {}).link() == "/workloads/a%22b%20c"
