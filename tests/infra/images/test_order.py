import subprocess
from pathlib import Path

import pytest

from infra.images.__main__ import main
from infra.images.catalogue import IMAGES, platform_named
from infra.images.errors import ImageError
from infra.images.order import Order, revision, version


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    return subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True, timeout=20
    ).stdout.strip()


def test_an_image_is_named_by_registry_and_tag(tmp_path: Path) -> None:
    order = Order(platform_named("linux/arm64"), "example.org/team", "1.2", root=tmp_path)
    assert order.reference(IMAGES["agent"]) == "example.org/team/agent:1.2"
    assert order.archive(IMAGES["agent"]) == tmp_path / "build/images/arm64/agent.tar"


def test_an_unknown_platform_is_refused_with_those_there_are() -> None:
    with pytest.raises(ImageError, match=r"windows is none of linux/amd64, linux/arm64"):
        platform_named("windows")


def test_a_refusal_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--platform", "sparc"]) == 1
    assert (
        capsys.readouterr().err == "images: PLATFORM=sparc is none of linux/amd64, linux/arm64.\n"
    )


def test_an_unknown_image_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["build", "agnet"]) == 1
    assert "agnet is none of control, workload," in capsys.readouterr().err


def test_a_revision_says_when_files_differ_from_it(tmp_path: Path) -> None:
    assert revision(tmp_path) == "unknown"
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "One")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert revision(tmp_path) == commit
    (tmp_path / "file").write_text("two")
    assert revision(tmp_path) == f"{commit}-dirty"


def test_the_version_is_that_of_setup_cfg(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("[metadata]\nversion = 9.8.7\n")
    assert version(tmp_path) == "9.8.7"
