import io
import subprocess
from pathlib import Path

import pytest

from infra.tools import go
from infra.tools.cache import Cache
from infra.tools.catalogue import Tool
from infra.tools.errors import ToolError
from infra.tools.progress import Lines
from infra.tools.toolbox import Toolbox
from infra.tools.workshop import Workshop


def test_the_go_mod_says_which_go_it_needs() -> None:
    assert go.required("module x\n\ngo 1.26.8\n") == (1, 26, 8)
    with pytest.raises(ToolError):
        go.required("module x\n")


def test_a_go_on_path_is_used_when_it_is_new_enough(tmp_path: Path, program) -> None:
    mine = program(tmp_path / "go", "echo go version go1.26.8 linux/amd64")
    env = {"PATH": str(tmp_path)}
    assert go.on_path((1, 26, 8), env) == mine
    assert go.on_path((1, 26, 9), env) is None


def test_no_go_and_no_network_says_what_to_do(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    with pytest.raises(ToolError) as refused:
        go.toolchain((1, 26, 8), Workshop(Cache(tmp_path), env), lambda _: None)
    said = str(refused.value)
    assert "No Go 1.26.8 or newer is on PATH" in said
    assert "https://go.dev/dl/" in said
    assert not list(Cache(tmp_path).wheels.glob("*go*"))


@pytest.mark.slow
def test_without_go_on_path_the_wheel_compiles(shop: Workshop, hello: Tool, tmp_path: Path) -> None:
    bare = Workshop(shop.cache, {**shop.env, "PATH": str(tmp_path)}, shop.sources)
    box = Toolbox(bare, {"hello": hello})
    box.ensure(["hello"], Lines(io.StringIO()))
    said = subprocess.run(
        [box.path("hello")], capture_output=True, text=True, timeout=10, check=True
    )
    assert said.stdout == "hello version 1.2.3\n"
