"""The agent as a process on a driver that a scenario drives."""

import os
import subprocess
import sys
from pathlib import Path


def spawned(library: Path, folder: Path, scenario: str, **settings: str) -> subprocess.Popen[str]:
    """It logs to a pipe, listens where it likes; ``settings`` by what follows NEUROX_AGENT_."""
    (folder / "scenario").write_text(scenario)
    given = {"NODE": "gpu-1", "LISTEN": "127.0.0.1:0", **settings}
    env = {
        **os.environ,
        "LD_LIBRARY_PATH": str(library),
        "NEUROX_NVML_SCENARIO": str(folder / "scenario"),
        **{f"NEUROX_AGENT_{name}": value for name, value in given.items()},
    }
    command = [sys.executable, "-m", "agent"]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
