import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import listing, record
from infra.local.errors import NOT_FOUND, LocalError
from infra.local.lock import Lock
from infra.local.record import ProcessRecord, Record


def rows() -> Record:
    etcd = ProcessRecord("sandbox-1/etcd", 42, 7, "running", 100.0, 3, 90.0, 100.0)
    web = ProcessRecord("web", None, None, "waiting", 40.0, 0, None, None)
    return Record(os.getpid(), 1, "http://127.0.0.1:8080", "ready", (etcd, web))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    with Lock(tmp_path):
        record.write(tmp_path, rows())
        yield tmp_path


def test_without_a_fleet_the_status_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record.write(tmp_path, rows())  # of one that was killed
    assert listing.status(tmp_path, as_json=False) == NOT_FOUND
    assert "not running; `neurox up` starts it" in capsys.readouterr().out
    assert listing.status(tmp_path, as_json=True) == NOT_FOUND
    assert json.loads(capsys.readouterr().out)["running"] is False


def test_the_json_names_every_process_and_its_log(
    running: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listing.status(running, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["running"], found["url"]) == (True, "http://127.0.0.1:8080")
    etcd = found["processes"][0]
    assert etcd["log"] == str(running / "logs" / "sandbox-1" / "etcd.log")
    assert (etcd["pid"], etcd["started_at"], etcd["ready_at"]) == (42, 90.0, 100.0)


def test_the_table_is_aligned_and_tells_ages(tmp_path: Path) -> None:
    lines = listing.table(rows(), tmp_path, 160.0).splitlines()
    assert re.split(r"  +", lines[3]) == ["sandbox-1/etcd", "running", "1m", "3", "42"]
    assert re.split(r"  +", lines[4]) == ["web", "waiting", "2m", "0", "-"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0s"), (59.9, "59s"), (60, "1m"), (7200, "2h"), (200_000, "2d")]
)
def test_a_span_has_one_unit(seconds: float, words: str) -> None:
    assert listing.span(seconds) == words


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "sandbox-1" / "etcd.log"
    path.parent.mkdir(parents=True)
    path.write_text("one\ntwo\nthree\n")
    return path


def test_an_unknown_name_gets_the_nearest(tmp_path: Path, log: Path) -> None:
    with pytest.raises(LocalError, match="did you mean sandbox-1/etcd") as refused:
        listing.logs(tmp_path, "sandbox-1/etdc", 5, None)
    assert refused.value.exit_code == NOT_FOUND
    with pytest.raises(LocalError, match="did you mean sandbox-1/etcd"):
        listing.logs(tmp_path, "etcd", 5, None)


def test_without_any_log_the_way_to_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="`neurox up` makes them"):
        listing.logs(tmp_path, "etcd", 5, None)


def test_the_last_lines_come_first_then_what_is_added_and_after_emptying(
    tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = iter(["four\n", None, ""])

    def follow() -> bool:
        turn = next(turns)
        if turn is None:
            log.write_text("new\n")  # emptied and begun again
        elif turn:
            with log.open("a") as file:
                file.write(turn)
        return turn != ""

    listing.logs(tmp_path, "sandbox-1/etcd", 2, follow)
    assert capsys.readouterr().out.splitlines() == ["two", "three", "four", "new"]
