import io
import subprocess

import pytest

from infra.tools import found
from infra.tools.errors import ToolError, UnknownTool
from infra.tools.progress import Lines
from infra.tools.toolbox import Toolbox
from infra.tools.workshop import Workshop

SLOW_GO = """
[ "$1" = version ] && exec echo go version go9.9.9
while [ "$1" != -o ]; do shift; done
echo half > "$2"
exec sleep 60
"""


@pytest.mark.slow
def test_a_missing_tool_is_built_once_and_tells_its_version(shop, hello, heard) -> None:
    box = Toolbox(shop, {"hello": hello})
    assert box.missing(["hello"]) == ["hello"]
    box.ensure(["hello"], heard)
    said = subprocess.run(
        [box.path("hello")], capture_output=True, text=True, timeout=10, check=True
    )
    assert said.stdout == "hello version 1.2.3\n"
    assert heard.lines == ["begin hello 1/1", "end hello", "close"]
    box.ensure(["hello"], heard)
    assert heard.lines[-1] == "close"
    assert len(heard.lines) == 3


@pytest.mark.slow
def test_a_build_that_fails_says_why_and_leaves_nothing(shop, hello, heard) -> None:
    (shop.sources / "hello" / "main.go").write_text("package main\n\nfunc main() { nonsense() }\n")
    box = Toolbox(shop, {"hello": hello})
    with pytest.raises(ToolError) as refused:
        box.ensure(["hello"], heard)
    said = str(refused.value)
    for part in ("Building hello 1.2.3 failed", "go build", "undefined: nonsense", "hello.log"):
        assert part in said
    assert not list(found.home(hello, shop).parent.iterdir())
    assert box.missing(["hello"]) == ["hello"]


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_half_made_and_the_next_call_goes_on(
    shop, hello, heard, program, tmp_path
) -> None:
    program(tmp_path / "bin" / "go", SLOW_GO)
    env = {**shop.env, "PATH": f"{tmp_path / 'bin'}:{shop.env['PATH']}"}
    partial = found.home(hello, shop).with_name(".partial-hello")
    heard.tick = partial_then_ctrl_c(partial)
    with pytest.raises(KeyboardInterrupt):
        Toolbox(Workshop(shop.cache, env, shop.sources), {"hello": hello}).ensure(["hello"], heard)
    assert not list(partial.parent.iterdir())
    box = Toolbox(shop, {"hello": hello})
    box.ensure(["hello"], Lines(io.StringIO()))
    assert box.path("hello").exists()


def partial_then_ctrl_c(partial):
    def tick(*_: object) -> None:
        if partial.exists():
            raise KeyboardInterrupt

    return tick


def test_a_program_of_the_wrong_version_is_told_before_our_own_is_built(
    shop, hello, heard, program, tmp_path
) -> None:
    stale = program(tmp_path / "stale" / "hello", "echo hello version 1.1.0")
    env = {"PATH": str(stale.parent), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    (shop.cache.root / "wheels").unlink()
    box = Toolbox(Workshop(shop.cache, env, shop.sources), {"hello": hello})
    with pytest.raises(ToolError, match="No Go"):
        box.ensure(["hello"], heard)
    assert heard.lines[0] == f"{stale} is 1.1.0, not 1.2.3: not used."


def test_asking_for_the_path_of_a_missing_tool_names_the_command(shop, hello) -> None:
    with pytest.raises(ToolError, match="`neurox tools hello` makes it"):
        Toolbox(shop, {"hello": hello}).path("hello")


def test_an_unknown_tool_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownTool, match="did you mean kube-apiserver"):
        Toolbox.from_env({}).missing(["kube-apiservr"])
