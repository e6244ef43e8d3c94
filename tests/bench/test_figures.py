import pytest

from tests.bench.figures import Figure, table


@pytest.mark.parametrize(
    ("ours", "promise", "missed"),
    [
        (10.0, {"most": 10}, False),
        (10.01, {"most": 10}, True),
        (6000, {"least": 6000}, False),
        (5999, {"least": 6000}, True),
        (float("nan"), {"most": 10}, True),
        (1e9, {}, False),
    ],
)
def test_a_promise_is_kept_up_to_its_limit(ours: float, promise: dict, missed: bool) -> None:
    figure = Figure("it", "ms", ours, **promise)
    assert figure.missed == figure.data()["missed"] == missed
    assert ("MISSED" in figure.row()[2]) == missed


def test_the_table_has_a_row_for_each_and_leaves_out_what_nobody_measured() -> None:
    figures = [Figure("scrape", "ms", 1.5, most=10, rival=1234.5), Figure("passes", "", 6000)]
    assert table(figures, "agent", "rival", "bare server").splitlines() == [
        "|        | agent  | promised      | rival      | bare server |",
        "| ------ | ------ | ------------- | ---------- | ----------- |",
        "| scrape | 1.5 ms | at most 10 ms | 1,234.5 ms |             |",
        "| passes | 6,000  |               |            |             |",
    ]
