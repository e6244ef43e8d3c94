from pathlib import Path

import pytest

from agent.jobs import JOB_INFO, JobMap


def test_jobs_are_told_by_gpu_and_instance(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("4711\n4712\n\n")
    (tmp_path / "1.2").write_text("4713")
    (tmp_path / "3").write_text("")
    (tmp_path / "notes.txt").write_text("9")
    (tmp_path / "2").mkdir()
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
