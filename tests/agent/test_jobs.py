import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.jobs import JOB_INFO, JobMap


def test_jobs_are_told_by_gpu_and_instance(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("4711\n4712\n\n")
    (tmp_path / "1.2").write_text("4713")
    (tmp_path / "3").write_text("")
    (tmp_path / "notes.txt").write_text("9")
    jobs = JobMap(tmp_path)
    jobs.look()
    assert jobs.jobs == {
        0: {(JOB_INFO, ("", "4711")): 1, (JOB_INFO, ("", "4712")): 1},
        1: {(JOB_INFO, ("2", "4713")): 1},
    }


def test_a_job_ends_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("4711\n")
    jobs = JobMap(tmp_path)
    jobs.look()
    (tmp_path / "0").unlink()
    jobs.look()
    assert jobs.jobs == {}


def test_a_folder_that_is_missing_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = JobMap(tmp_path / "absent")
    jobs.look()
    jobs.look()
    assert jobs.jobs == {}
    assert [record.message for record in caplog.records] == [
        f"NEUROX_AGENT_JOB_MAP={tmp_path}/absent: No such file or directory"
    ]


def put_pipe(path: Path) -> None:
    os.mkfifo(path)


def put_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def put_link(path: Path) -> None:
    (path.parent / "elsewhere").write_text("4711\n")
    path.symlink_to(path.parent / "elsewhere")


def put_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def put_many(path: Path) -> None:
    path.write_text("4711\n" * 101)


def put_long(path: Path) -> None:
    path.write_text("4711\n" + "x" * 257)


@pytest.mark.parametrize(
    ("put", "says"),
    [
        (put_pipe, "is no regular file"),
        (Path.mkdir, "is no regular file"),
        (put_device, "is a symbolic link, and none is followed"),
        (put_link, "is a symbolic link, and none is followed"),
        (put_huge, "larger than 65536 bytes"),
        (put_many, "101 jobs, and no GPU has more than 100"),
        (put_long, "a job of 257 letters, and none has more than 256"),
    ],
)
def test_what_is_no_list_of_jobs_is_named_and_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, put: Callable[[Path], None], says: str
) -> None:
    put(tmp_path / "0")
    (tmp_path / "1").write_text("4713\n")
    jobs = JobMap(tmp_path)
    looks = threading.Thread(target=lambda: (jobs.look(), jobs.look()), daemon=True)
    looks.start()
    looks.join(10)
    assert not looks.is_alive()
    assert jobs.jobs == {1: {(JOB_INFO, ("", "4713")): 1}}
    assert [record.message for record in caplog.records] == [
        f"NEUROX_AGENT_JOB_MAP={tmp_path}: 0: {says}"
    ]


def test_the_jobs_of_a_whole_folder_are_bounded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However many files there are: the page of each scrape and the memory stay small."""
    for number in range(999):
        (tmp_path / f"{number}").write_text("".join(f"{job:0256}\n" for job in range(100)))
    jobs = JobMap(tmp_path)
    tracemalloc.start()
    jobs.look()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {gpu: len(told) for gpu, told in jobs.jobs.items()} == dict.fromkeys(range(40), 100)
    assert [record.message for record in caplog.records] == [
        f"NEUROX_AGENT_JOB_MAP={tmp_path}: 40: with its jobs there are more than 4096; it and "
        "files of later GPUs are left out"
    ]
    assert held < 4 * 1024 * 1024
