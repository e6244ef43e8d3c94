"""Builds the simulated ``libnvidia-ml.so.1``: ``python -m agent.simulated.build --out DIR``.

``--without SYMBOL`` leaves a function out, as an older driver does: the loader does not find it.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from agent.simulated.profile import PROFILES

LIBRARY = "libnvidia-ml.so.1"
# Stripped: what zig adds unasked for debuggers has the names of this machine's folders in it.
_FLAGS = ("-std=gnu11", "-s", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
_BUILD_SECONDS = 120


class BuildError(Exception):
    """The library could not be built; the message says what to do."""


def compiler(env: Mapping[str, str]) -> list[str]:
    """The C compiler to call: ``$CC``, else ``cc`` from PATH."""
    if env.get("CC"):
        return shlex.split(env["CC"])
    if found := shutil.which("cc", path=env.get("PATH")):
        return [found]
    raise BuildError(
        "no C compiler: install one as `cc` or name one in CC, as in "
        "`pip install ziglang; export CC='python -m ziglang cc'`"
    )


def build(out: Path, env: Mapping[str, str], without: Collection[str] = ()) -> Path:
    """Compile into ``out`` and return the library's path; an older one is replaced at once."""
    here = Path(__file__).parent
    flags = [f"-I{here}", f"-DPROFILE_NAMES={_quoted(', '.join(PROFILES))}"]
    with tempfile.TemporaryDirectory(prefix="neurox-nvml-") as name:
        profiles, hidden = Path(name) / "profiles.c", Path(name) / "hidden"
        profiles.write_text(_profiles(), encoding="ascii")
        if without:
            names = "".join(f" {symbol};" for symbol in without)
            hidden.write_text(f"{{ local:{names} }};\n", encoding="ascii")
            flags.append(f"-Wl,--version-script={hidden}")
        return compiled(out, env, [*sorted(here.glob("*.c")), profiles], *flags)


def _profiles() -> str:
    """The profiles as C."""
    entries = [f"    {{{_quoted(one.name)}, {_quoted(one.text)}}},\n" for one in PROFILES.values()]
    begin = '#include "profiles.h"\n\nconst struct profile PROFILES[] = {\n'
    return begin + "".join(entries) + "    {0, 0},\n};\n"


def _quoted(text: str) -> str:
    """A text as C has it; it is ASCII, and JSON quotes that alike."""
    return json.dumps(text)


def compiled(out: Path, env: Mapping[str, str], sources: Sequence[Path], *flags: str) -> Path:
    """A library of that name from these sources."""
    out.mkdir(parents=True, exist_ok=True)
    unfinished = out / f".{LIBRARY}.{os.getpid()}"
    command = [*compiler(env), *_FLAGS, *flags, f"-Wl,-soname,{LIBRARY}", "-o", str(unfinished)]
    try:
        done = subprocess.run(
            [*command, *map(str, sources), "-lm", "-lpthread", "-ldl"],
            env=dict(env),
            capture_output=True,
            text=True,
            timeout=_BUILD_SECONDS,
            check=False,
        )
        if done.returncode:
            first = next((x for x in done.stderr.splitlines() if "error" in x), done.stderr[-200:])
            raise BuildError(f"{shlex.join(command[:1])} cannot build the library: {first}")
        unfinished.replace(out / LIBRARY)
    except OSError as error:
        raise BuildError(f"cannot run the C compiler {command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise BuildError(f"{command[0]} took more than {_BUILD_SECONDS} s") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return out / LIBRARY


def command(parser: argparse.ArgumentParser, build_it: Callable[[argparse.Namespace], Path]) -> int:
    """Build what is asked for and print the library's path; 1 and one message if it cannot be."""
    parser.add_argument("--out", type=Path, required=True, help="folder for the library")
    asked = parser.parse_args()
    try:
        sys.stdout.write(f"{build_it(asked)}\n")
    except BuildError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 1
    return 0


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m agent.simulated.build", description=__doc__)
    parser.add_argument(
        "--without", action="append", default=[], metavar="SYMBOL", help="leave this function out"
    )
    return command(parser, lambda asked: build(asked.out, os.environ, asked.without))


if __name__ == "__main__":
    sys.exit(_main())
