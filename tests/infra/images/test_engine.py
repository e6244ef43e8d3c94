import os
from pathlib import Path

import pytest

from infra.images.engine import Build, Engine, find
from infra.images.errors import ImageError

BUILD = Build(
    Path("Dockerfile"), Path("context"), "r/agent:1", "linux/arm64", "agent", (("BASE", "b"),)
)


def pretend(folder: Path, name: str, script: str) -> dict[str, str]:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return {"PATH": str(folder)}


@pytest.mark.parametrize("name", ["buildah", "docker"])
def test_both_engines_get_target_platform_and_arguments(name: str) -> None:
    words = " ".join(Engine(name, name).build(BUILD))
    assert "--platform linux/arm64 --tag r/agent:1 --target agent --build-arg BASE=b" in words
    assert words.endswith("--file Dockerfile context")


def test_buildah_is_preferred(tmp_path: Path) -> None:
    pretend(tmp_path, "docker", "exit 0")
    assert find(pretend(tmp_path, "buildah", "exit 0")).name == "buildah"


def test_docker_stands_in_when_it_can_build(tmp_path: Path) -> None:
    assert find(pretend(tmp_path, "docker", "exit 0")).name == "docker"


def test_a_docker_without_daemon_is_named(tmp_path: Path) -> None:
    env = pretend(tmp_path, "docker", "echo Cannot connect to the Docker daemon >&2; exit 1")
    with pytest.raises(ImageError, match=r"Cannot connect .* apt install buildah"):
        find(env)


def test_without_an_engine_the_message_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="apt install buildah"):
        find({**os.environ, "PATH": str(tmp_path)})
