from pathlib import Path

import pytest

from infra.tools import compiler
from infra.tools.cache import Cache
from infra.tools.errors import ToolError
from infra.tools.workshop import Workshop


def test_cc_wins_over_what_lies_on_path(tmp_path: Path, program) -> None:
    for name in ("gcc", "ccache"):
        program(tmp_path / name, "true")
    env = {"PATH": str(tmp_path)}
    assert compiler.on_path(env) == (str(tmp_path / "gcc"),)
    assert compiler.on_path({**env, "CC": "ccache gcc"}) == (str(tmp_path / "ccache"), "gcc")


def test_no_compiler_and_no_network_says_what_to_do(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    with pytest.raises(ToolError, match="apt install gcc"):
        compiler.c_compiler(Workshop(Cache(tmp_path), env))
