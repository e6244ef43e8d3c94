"""Builds it: ``python -m agent.simulated.replay.build --out DIR``."""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pynvml

from agent.simulated.build import command, compiled

_SOURCES = ("replay.c", "capture.c", "memory.c")
_TEXTS = frozenset(("nvmlErrorString",))
"""Functions that do not answer a code."""


def functions() -> list[str]:
    """Every function of NVML that pynvml can look up."""
    source = Path(pynvml.__file__).read_text(encoding="utf-8")
    found = set(re.findall(r'_nvmlGetFunctionPointer\(["\'](nvml\w+)["\']\)', source))
    return sorted(found - _TEXTS)


def build(out: Path, env: Mapping[str, str]) -> Path:
    """Compile into ``out`` and return the library's path; an older one is replaced at once."""
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        lines = "".join(f"REPLAYED({name})\n" for name in functions())
        (Path(folder) / "functions.h").write_text(lines, encoding="ascii")
        return compiled(out, env, [here / name for name in _SOURCES], f"-I{folder}")


if __name__ == "__main__":
    sys.exit(
        command(
            argparse.ArgumentParser(prog="python -m agent.simulated.replay.build"),
            lambda asked: build(asked.out, os.environ),
        )
    )
