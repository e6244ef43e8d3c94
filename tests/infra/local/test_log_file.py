from pathlib import Path

from infra.local import log_file
from infra.local.log_file import LogFile, tail


def test_the_last_lines_are_told_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("".join(f"line {number}\n" for number in range(9000)))
    assert LogFile(tmp_path, "a").last(2) == ["line 8998", "line 8999"]
    assert len(tail(tmp_path / "a.log", 50)) == 50


def test_an_absent_log_has_no_lines(tmp_path: Path) -> None:
    assert LogFile(tmp_path, "a").last(5) == []


def test_a_full_log_is_put_aside_at_the_next_start(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "sandbox-1/etcd")
    log.open().close()
    log.path.write_bytes(b"x" * (log_file.LIMIT_BYTES + 1))
    log.open().close()
    assert log.path.stat().st_size == 0
    assert log.path.with_name("etcd.log.1").stat().st_size == log_file.LIMIT_BYTES + 1


def test_a_log_that_fills_while_it_is_written_is_emptied_and_goes_on(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "a")
    with log.open() as writer:
        writer.write(b"x" * (log_file.LIMIT_BYTES + 1))
        writer.flush()
        log.cap()
        writer.write(b"after\n")
        writer.flush()
    assert log.last(3) == ["after"]
    assert log.path.stat().st_size == 6
