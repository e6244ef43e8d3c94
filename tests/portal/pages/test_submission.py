"""What was typed becomes a workload, or a sentence beside each field."""

import pytest

from portal.pages.submission import Faults, read

TYPED = {"name": "train", "project": "vision"}


def test_empty_fields_take_the_defaults() -> None:
    workload = read(TYPED)
    assert (workload.pods, workload.gpus_per_pod, workload.image) == (1, 1, "busybox")
    assert (workload.group, workload.level, workload.max_runtime_seconds) == (None, None, None)


def test_minutes_become_seconds_and_percent_a_ratio() -> None:
    workload = read({**TYPED, "max_runtime": "90", "run_seconds": "60", "load": "80"})
    assert workload.max_runtime_seconds == 5400
    assert workload.annotations == {
        "neurox.io/simulated-run-seconds": "60",
        "neurox.io/simulated-load": "0.8",
    }


def test_a_command_is_split_as_in_a_shell() -> None:
    assert read({**TYPED, "command": "sh -c 'echo a b'"}).command == ["sh", "-c", "echo a b"]


def test_nonsense_numbers_go_to_the_api_which_knows_the_limits() -> None:
    assert read({**TYPED, "pods": "-1", "gpus_per_pod": "99"}).pods == -1
    assert read({**TYPED, "pods": "0"}).pods == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("pods", value) for value in ("many", "1_0", "١", "1.5", "9" * 30)),
        *(("max_runtime", value) for value in ("-1", "0", "9" * 12)),
        *(("run_seconds", "0"), ("load", "101"), ("load", "-1")),
        *(("command", "echo 'a"), ("name", "")),
    ],
)
def test_what_cannot_be_sent_is_said_beside_its_field(field: str, value: str) -> None:
    with pytest.raises(Faults) as faults:
        read({**TYPED, field: value})
    assert list(faults.value.by_field) == [field]


def test_a_number_that_is_too_large_is_not_called_no_number() -> None:
    with pytest.raises(Faults) as faults:
        read({**TYPED, "pods": "9" * 20})
    assert faults.value.by_field == {"pods": "That number is too large: it has 20 digits."}
