import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.simulated.build import BuildError, build, compiler
from infra.tools.toolbox import Toolbox
from tests.agent.simulated.asked import HEAD, ask_of, of


def test_the_compiler_named_in_cc_wins() -> None:
    assert compiler({"CC": "gcc -m64", "PATH": "/nowhere"}) == ["gcc", "-m64"]


def test_a_compiler_that_does_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no-such-compiler"):
        build(tmp_path, {"CC": "no-such-compiler", "PATH": "/nowhere"})
    assert list(tmp_path.iterdir()) == []


def test_without_any_compiler_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="install one as `cc` or name one in CC"):
        build(tmp_path, {"PATH": str(tmp_path)})


@pytest.mark.parametrize("program", ["agent.simulated.build", "agent.simulated.replay.build"])
def test_the_command_prints_where_the_library_is(tmp_path: Path, program: str) -> None:
    command = [sys.executable, "-m", program, "--out", str(tmp_path / "new")]
    env = {**os.environ, **Toolbox.from_env().c_compiler()}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert Path(done.stdout.strip()) == tmp_path / "new" / "libnvidia-ml.so.1"
    assert Path(done.stdout.strip()).stat().st_size < 200_000
    env["CC"] = "no-such-compiler"
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"python -m {program}: cannot run the C compiler no-such-comp")


def test_a_function_that_is_left_out_is_not_found_by_the_loader(tmp_path: Path) -> None:
    env = {**os.environ, **Toolbox.from_env().c_compiler()}
    build(tmp_path, env, without=["nvmlDeviceGetTemperatureV", "nvmlGpmSampleAlloc"])
    script = """[hasattr(n.nvmlLib, "nvmlDeviceGetTemperatureV"),
        code(n.nvmlDeviceGetTemperatureV, gpu, 0), code(n.nvmlGpmSampleAlloc),
        code(n.nvmlDeviceGetTemperature, gpu, 0)]"""
    assert ask_of(tmp_path, tmp_path)(HEAD + of("h200"), script).answer == [False, 13, 13, 0]
