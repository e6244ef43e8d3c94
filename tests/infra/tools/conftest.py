import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.tools.cache import Cache
from infra.tools.catalogue import GoBuild, Tool
from infra.tools.progress import Step
from infra.tools.workshop import Workshop

MAIN = """package main

import "os"

var version = "unstamped"

func main() { os.Stdout.WriteString("hello version " + version + "\\n") }
"""


class Heard:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, step: Step) -> None:
        self.lines.append(f"begin {step.name} {step.number}/{step.total}")

    def tick(self, step: Step, detail: str) -> None:
        pass

    def end(self, step: Step) -> None:
        self.lines.append(f"end {step.name}")

    def note(self, text: str) -> None:
        self.lines.append(text)

    def close(self) -> None:
        self.lines.append("close")


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def program() -> Callable[[Path, str], Path]:
    """Write an executable shell script."""

    def write(path: Path, script: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


@pytest.fixture
def hello(tmp_path: Path) -> Tool:
    """A tool of one small file, pinned in ``tmp_path/sources/hello``."""
    folder = tmp_path / "sources" / "hello"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module hello\n\ngo 1.21\n")
    (folder / "go.sum").write_text("")
    (folder / "main.go").write_text(MAIN)
    return Tool("hello", "1.2.3", GoBuild("hello", "hello", stamps=("main.version=1.2.3",)))


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """A workshop with a cache of its own that shares the compiled packages of this machine."""
    cache, real = Cache(tmp_path / "cache"), Cache.from_env(os.environ)
    cache.root.mkdir()
    real.root.mkdir(parents=True, exist_ok=True)
    for name in ("go", "wheels", "zig"):
        (real.root / name).mkdir(exist_ok=True)
        (cache.root / name).symlink_to(real.root / name)
    env = {name: value for name, value in os.environ.items() if name != "KUBEBUILDER_ASSETS"}
    return Workshop(cache, env, tmp_path / "sources")
