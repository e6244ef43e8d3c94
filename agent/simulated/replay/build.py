"""Builds it: ``python -m agent.simulated.replay.build --out DIR``."""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pynvml

from agent.simulated.build import BuildError, compiled

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


def main() -> int:
    """Build, print the library's path; 1 and one message on stderr when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m agent.simulated.replay.build")
    parser.add_argument("--out", type=Path, required=True, help="folder for the library")
    try:
        sys.stdout.write(f"{build(parser.parse_args().out, os.environ)}\n")
    except BuildError as error:
        sys.stderr.write(f"replayed NVML: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
