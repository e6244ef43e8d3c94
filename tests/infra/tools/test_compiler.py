import ctypes
import io
from pathlib import Path

import pytest

from infra.local.simulated import library
from infra.tools import compiler
from infra.tools.cache import Cache
from infra.tools.errors import ToolError
from infra.tools.progress import Lines
from infra.tools.toolbox import Toolbox
from infra.tools.workshop import Workshop


def test_cc_wins_over_what_lies_on_path(tmp_path: Path, program) -> None:
    for name in ("gcc", "ccache"):
        program(tmp_path / name, "true")
    env = {"PATH": str(tmp_path)}
    assert compiler.on_path(env) == (str(tmp_path / "gcc"),)
    assert compiler.on_path({**env, "CC": "ccache gcc"}) == (str(tmp_path / "ccache"), "gcc")


def test_no_compiler_and_no_network_says_what_to_do(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    shop = Workshop(Cache(tmp_path), env)
    assert compiler.found(shop) is None
    with pytest.raises(ToolError, match="apt install gcc"):
        compiler.fetch(shop, lambda _: None)


@pytest.mark.slow
def test_without_a_compiler_on_path_zig_out_of_its_wheel_builds_the_library(
    shop: Workshop, tmp_path: Path
) -> None:
    bare = Workshop(shop.cache, {**shop.env, "PATH": str(tmp_path), "CC": ""})
    variables = Toolbox(bare).c_compiler(Lines(io.StringIO()))
    assert "ziglang" in variables["CC"]
    library(tmp_path / "lib", variables, tmp_path)
    nvml = ctypes.CDLL(str(tmp_path / "lib" / "libnvidia-ml.so.1"))
    nvml.nvmlErrorString.restype = ctypes.c_char_p
    assert nvml.nvmlErrorString(15) == b"GPU is lost"
