import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.simulated.build import BuildError, build, compiler
from infra.tools.toolbox import Toolbox


def test_the_compiler_named_in_cc_wins() -> None:
    assert compiler({"CC": "gcc -m64", "PATH": "/nowhere"}) == ["gcc", "-m64"]


def test_a_compiler_that_does_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no-such-compiler"):
        build(tmp_path, {"CC": "no-such-compiler", "PATH": "/nowhere"})
    assert list(tmp_path.iterdir()) == []


def test_without_any_compiler_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="install one as `cc` or name one in CC"):
        build(tmp_path, {"PATH": str(tmp_path)})


def test_the_command_prints_where_the_library_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agent.simulated.build", "--out", str(tmp_path / "new")]
    env = {**os.environ, **Toolbox.from_env().c_compiler()}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert Path(done.stdout.strip()) == tmp_path / "new" / "libnvidia-ml.so.1"
    assert Path(done.stdout.strip()).stat().st_size < 200_000
