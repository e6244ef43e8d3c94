import os
from pathlib import Path

import pytest

from infra.local.errors import CONFLICT, LocalError
from infra.local.lock import Lock, holder


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with Lock(tmp_path) as first:
        first.describe("http://127.0.0.1:8080")
        with pytest.raises(LocalError, match=r"http://127\.0\.0\.1:8080") as refused:
            Lock(tmp_path).acquire()
        assert str(os.getpid()) in str(refused.value)
        assert refused.value.exit_code == CONFLICT


def test_a_released_lock_leaves_no_file_and_can_be_taken_again(tmp_path: Path) -> None:
    with Lock(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
    with Lock(tmp_path):
        assert holder(tmp_path) is not None


def test_the_file_of_a_killed_holder_locks_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text('{"pid": 1, "url": null}')
    assert holder(tmp_path) is None
    with Lock(tmp_path):
        found = holder(tmp_path)
    assert found is not None
    assert found["pid"] == os.getpid()


def test_without_a_lock_nobody_holds_it(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
