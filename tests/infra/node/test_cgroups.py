from pathlib import Path

import pytest

from infra.local.node import cgroups


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    for tree in ("cpu", "cpuset", "memory"):
        (tmp_path / tree).mkdir()
        (tmp_path / tree / "cgroup.procs").touch()
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-1")
    (tmp_path / "cpuset" / "cpuset.mems").write_text("0")
    return tmp_path


def test_every_tree_of_version_1_gets_the_group_and_processors_are_lent(version_1: Path) -> None:
    cgroups.make("neurox-1", version_1)
    assert all((version_1 / tree / "neurox-1").is_dir() for tree in ("cpu", "cpuset", "memory"))
    assert (version_1 / "cpuset" / "neurox-1" / "cpuset.cpus").read_text() == "0-1"
    assert not (version_1 / "cpu" / "neurox-1" / "cpuset.cpus").exists()


def test_version_2_has_one_tree_whose_controllers_are_handed_down(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").touch()
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    (tmp_path / "system.slice").mkdir()
    (tmp_path / "system.slice" / "cgroup.procs").touch()
    cgroups.make("neurox-1", tmp_path)
    assert (tmp_path / "neurox-1").is_dir()
    assert not (tmp_path / "system.slice" / "neurox-1").exists()
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory"


def test_what_pods_left_below_goes_too_and_a_second_time_is_no_error(version_1: Path) -> None:
    (version_1 / "cpu" / "neurox-1" / "kubepods" / "pod1").mkdir(parents=True)
    cgroups.remove("neurox-1", version_1)
    cgroups.remove("neurox-1", version_1)
    assert sorted(path.name for path in (version_1 / "cpu").iterdir()) == ["cgroup.procs"]
