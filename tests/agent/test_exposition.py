import math
import tracemalloc

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.catalogue import Series, Values
from agent.exposition import Family, Owned, Writer, label_text, number

FAMILIES = {
    "watts": Family("gauge", "Power,\nas \\ it is."),
    "joules_total": Family("counter", "Energy.", ("method",)),
}


def read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample, by the official parser."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def watts(value: float) -> Values:
    return {("watts", ()): value}


@pytest.mark.parametrize(
    "value",
    [0, 1, True, -1, 0.1, 1 / 3, 1e16, 123456789012345.6, 2**53 + 2, 2**63, 5e-324, 1.7e308, -0.0],
)
def test_a_value_is_read_as_exactly_what_was_written(value: float) -> None:
    found = read(Writer(FAMILIES).page([("", watts(value))]))
    assert found == {("watts", ()): float(value)}


def test_a_whole_number_has_no_fraction() -> None:
    assert [number(5.0), number(True), number(0.5), number(2**60)] == ["5", "1", "0.5", str(2**60)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_left_out(value: float) -> None:
    assert Writer(FAMILIES).page([("", watts(value))]) == ""


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "\\n", "ключ", "", '\\"\n'])
def test_any_label_value_comes_back(text: str) -> None:
    page = Writer(FAMILIES).page([(label_text(("node",), (text,)), watts(1))])
    assert read(page) == {("watts", (("node", text),)): 1}


def test_help_and_type_stand_once_before_the_samples_of_a_family() -> None:
    energy: dict[Series, float] = {("joules_total", ("exclusive",)): 2}
    owned: list[Owned] = [('gpu="0"', watts(1)), ('gpu="0"', energy), ('gpu="1"', watts(3))]
    assert Writer(FAMILIES).page(owned) == (
        "# HELP watts Power,\\nas \\\\ it is.\n"
        "# TYPE watts gauge\n"
        'watts{gpu="0"} 1\n'
        'watts{gpu="1"} 3\n'
        "# HELP joules_total Energy.\n"
        "# TYPE joules_total counter\n"
        'joules_total{gpu="0",method="exclusive"} 2\n'
    )


def test_a_page_shows_the_values_of_its_own_time() -> None:
    writer = Writer(FAMILIES)
    assert writer.page([('gpu="0"', watts(1)), ('gpu="1"', watts(1))]) != ""
    assert read(writer.page([('gpu="0"', watts(2))])) == {("watts", (("gpu", "0"),)): 2}
    assert writer.page([]) == ""


def test_nothing_is_remembered_of_labels_that_came_and_went() -> None:
    """As pods and jobs do on a GPU that stays."""
    writer = Writer(FAMILIES)

    def write(first: int) -> None:
        for job in range(first, first + 3000):
            energy: dict[Series, float] = {("joules_total", (f"job-{job}",)): 2}
            page = writer.page([('gpu="0"', {**watts(job), **energy})])
            assert page.count(f"{job}") == 2

    tracemalloc.start()
    write(10_000)
    before, _ = tracemalloc.get_traced_memory()
    write(20_000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 50_000
