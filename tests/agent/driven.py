"""Programs that find the simulated driver, and what it shall answer, by their environment."""

import os
import subprocess
import sys
from pathlib import Path


def environment(library: Path, scenario: Path) -> dict[str, str]:
    """This process's, with the driver that lies in a folder and the scenario that drives it."""
    return {
        **os.environ,
        "LD_LIBRARY_PATH": str(library),
        "NEUROX_NVML_SCENARIO": str(scenario),
        "NEUROX_NVML_TRACE": str(scenario.with_name("trace")),
    }


def python(
    library: Path, folder: Path, scenario: str, script: str
) -> subprocess.CompletedProcess[str]:
    """What a script says that asks the driver; the scenario is written into ``folder``."""
    path = folder / "scenario"
    path.write_text(scenario)
    return subprocess.run(
        [sys.executable, "-c", script],
        env=environment(library, path),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
