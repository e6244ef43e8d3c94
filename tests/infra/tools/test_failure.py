import os
from pathlib import Path

import pytest

from infra.tools.cache import Cache
from infra.tools.errors import ToolError
from infra.tools.failure import failed, room_on_disk
from infra.tools.job import Job


def test_a_failure_names_the_command_the_log_and_its_last_fifteen_lines(tmp_path: Path) -> None:
    job = Job(("seq", "40"), tmp_path / "etcd.log", os.environ)
    job.run(lambda _: None)
    said = str(failed("Building etcd 3.7.3", job, 1, Cache(tmp_path)))
    assert said.startswith("Building etcd 3.7.3 failed (exit status 1).")
    assert "command: seq 40" in said
    assert str(tmp_path / "etcd.log") in said
    assert "    26\n" in said
    assert "    25\n" not in said


def test_a_full_disk_met_while_writing_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="is full"), room_on_disk(Cache(tmp_path)):
        Path("/dev/full").write_text("x")


def test_a_forbidden_cache_names_the_variable_that_moves_it(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="NEUROX_CACHE"), room_on_disk(Cache(tmp_path)):
        raise PermissionError(13, "Permission denied", "/cache/tools.lock")


def test_a_read_only_cache_names_it_too(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"Read-only.*NEUROX_CACHE"), room_on_disk(Cache(tmp_path)):
        raise OSError(30, "Read-only file system", "/cache/tools.lock")
