import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import neurox_web
import pytest
from neurox_web import Web

from portal.cli.failure import CommandFailed
from portal.cli.submit import pairs, workload
from portal.cli.text import seconds

Neurox = Callable[..., Any]


@pytest.fixture
def fleet(web: Web, server: str) -> Web:
    neurox_web.policy(web)
    neurox_web.cluster(web)
    return web


def test_a_workload_is_submitted_as_it_was_asked_for(fleet: Web, neurox: Neurox) -> None:
    done = neurox(
        *("submit", "train", "-p", "eyes", "--gpus", "2", "--pods", "3", "--level", "high"),
        *("--image", "python", "--max-runtime", "2h", "--annotation", "neurox.io/x=y=z"),
        *("--", "python", "train.py", "--epochs", "3"),
    )
    assert done.code == 0
    (intent,) = fleet.stores.intents.all()
    assert done.out == f"{intent.id}\n"
    assert "6 GPUs of pool a" in done.err
    spec = intent.spec
    assert (spec.name, spec.project, spec.group, spec.pool) == ("train", "eyes", "vision", "a")
    assert (spec.gpus_per_pod, spec.pods, spec.level, spec.image) == (2, 3, "high", "python")
    assert spec.command == ("python", "train.py", "--epochs", "3")
    assert (spec.max_runtime_seconds, spec.annotations) == (7200, {"neurox.io/x": "y=z"})


def test_a_file_gives_the_fields_and_the_command_line_wins(
    fleet: Web, neurox: Neurox, tmp_path: Path
) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("name: nightly\nproject: eyes\ngpus_per_pod: 4\ncommand: [run]\n")
    assert neurox("submit", "-f", str(file), "--gpus", "1").code == 0
    (intent,) = fleet.stores.intents.all()
    assert (intent.spec.name, intent.spec.gpus_per_pod) == ("nightly", 1)
    assert intent.spec.command == ("run",)


def test_a_dry_run_makes_nothing(fleet: Web, neurox: Neurox) -> None:
    done = neurox("submit", "train", "-p", "eyes", "--dry-run")
    assert "train would be taken: 1 GPU of pool a" in done.out
    assert fleet.stores.intents.all() == []


def test_json_is_the_apis_workload(fleet: Web, neurox: Neurox) -> None:
    made = json.loads(neurox("submit", "train", "-p", "eyes", "-o", "json").out)
    assert made["state"] == "Submitted"


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("--gpus", "99"), "99"),
        (("--gpus", "-1"), "-1"),
        (("--pool", "nowhere"), "nowhere"),
        (("--level", "urgent"), "urgent"),
    ],
)
def test_a_bad_wish_is_refused_in_one_message(
    fleet: Web, neurox: Neurox, words: tuple[str, ...], field: str
) -> None:
    done = neurox("submit", "train", "-p", "eyes", *words)
    assert done.code == 2
    assert field in done.err
    assert "Traceback" not in done.err
    assert fleet.stores.intents.all() == []


def test_stopping_takes_ids_and_unique_names(fleet: Web, neurox: Neurox) -> None:
    neurox("submit", "one", "-p", "eyes")
    made = neurox("submit", "two", "-p", "eyes").out.strip()
    assert neurox("stop", "one", made).code == 0
    assert all(intent.stop_requested_at for intent in fleet.stores.intents.all())
    assert neurox("stop", "three").code == 3


def test_what_cannot_be_stopped_keeps_nothing_else_running(fleet: Web, neurox: Neurox) -> None:
    neurox("submit", "one", "-p", "eyes")
    done = neurox("stop", "three", "one", "four")
    assert done.code == 7
    assert "is stopping" in done.out
    assert "'three'" in done.err
    assert "'four'" in done.err
    assert all(intent.stop_requested_at for intent in fleet.stores.intents.all())


def test_waiting_ends_with_a_status_of_its_own(fleet: Web, neurox: Neurox) -> None:
    done = neurox("submit", "train", "-p", "eyes", "--wait", "--timeout", "0s")
    assert done.code == 6
    assert "goes on waiting" in done.err


def test_what_is_missing_is_named() -> None:
    with pytest.raises(CommandFailed, match="project by --project"):
        workload({}, {"name": "train"})
    with pytest.raises(CommandFailed, match="colour"):
        workload({"colour": "red"}, {"name": "train", "project": "eyes"})


def test_what_standard_input_lacks_is_said_of_standard_input(
    neurox: Neurox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("[]"))
    done = neurox("submit", "-f", "-")
    assert done.code == 2
    assert done.err == "neurox: standard input does not hold the fields of one workload\n"


@pytest.mark.parametrize("option", ["--max-runtime", "--timeout"])
def test_what_is_no_duration_is_refused_by_the_name_of_its_option(
    neurox: Neurox, option: str
) -> None:
    done = neurox("submit", "x", "-p", "eyes", option, "soon")
    assert done.code == 2
    assert done.err == f"neurox: {option} must be like 90s, 30m, 6h or 2d, not 'soon'\n"


def test_durations_and_pairs_are_read() -> None:
    assert [seconds("x", text) for text in ("90", "90s", "30m", "6h", "2d")] == [
        *(90, 90, 1800, 21600),
        172800,
    ]
    for text in ("", "m", "-1s", "1.5h", "٣s", "9999999999d"):
        with pytest.raises(ValueError, match="x must be like 90s, 30m, 6h or 2d"):
            seconds("x", text)
    assert pairs(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    with pytest.raises(CommandFailed, match="KEY=VALUE"):
        pairs(["a"])
