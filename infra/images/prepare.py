"""Run by the Dockerfile inside the builder: makes a folder ready to be a layer of an image."""

import compileall
import os
import py_compile
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

UNUSED = (
    # What installs packages has no place in an image whose packages are settled.
    "usr/local/bin/pip*",
    "usr/local/bin/idle*",
    "usr/local/bin/pydoc*",
    "usr/local/bin/2to3*",
    "usr/local/lib/python3*/site-packages/*",
    "usr/lib/python3*/dist-packages/*",
    *(
        f"usr/{local}lib/python3*/{name}"
        for local in ("", "local/")
        for name in ("ensurepip", "idlelib", "lib2to3", "test", "tkinter", "turtle*")
    ),
    # What a container gets from its runtime, or would take over from the machine that built it.
    "dev/*",
    "etc/apt",
    "etc/hostname",
    "etc/resolv.conf",
    "usr/share/doc",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/*",
    "var/lib/apt/lists/*",
    "var/log/*",
)
ACCOUNT = "neurox:x:65532:65532:Neurox:/nonexistent:/usr/sbin/nologin\n"
GROUP = "neurox:x:65532:\n"
_ROOT, _ROOT_GROUP = "root:x:0:0:root:/root:/usr/sbin/nologin\n", "root:x:0:\n"
_WRITABLE = {"tmp", "var/tmp"}


def system(root: Path) -> None:
    """A root folder without what a running container cannot use, and with our account."""
    for pattern in UNUSED:
        for path in root.glob(pattern):
            _remove(path)
    _add(root / "etc/passwd", _ROOT, ACCOUNT)
    _add(root / "etc/group", _ROOT_GROUP, GROUP)
    for path in _real(root):
        mode = path.stat().st_mode & 0o7777
        if path.is_file():
            # Nothing here has to become somebody else, or be changed by others.
            path.chmod(mode & ~0o6022)
        elif str(path.relative_to(root)) not in _WRITABLE:
            path.chmod(mode & ~0o022)
    for pattern in ("usr/lib/python3*", "usr/local/lib/python3*"):
        for libraries in root.glob(pattern):
            _compile(libraries)


def packages(root: Path) -> None:
    """Unpacked wheels, readable by everybody, with bytecode that needs no check of its source."""
    for path in _real(root):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    _compile(root)


def _compile(folder: Path) -> None:
    # A hash in place of a time: the layer is the same whenever it is made.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(folder, maxlevels=30, quiet=2, invalidation_mode=mode)


def _real(root: Path) -> Iterator[Path]:
    for folder, _, files in os.walk(root):
        yield Path(folder)
        yield from (path for name in files if not (path := Path(folder, name)).is_symlink())


def _add(path: Path, *lines: str) -> None:
    there = path.read_text() if path.exists() else ""
    names = {line.partition(":")[0] for line in there.splitlines()}
    path.write_text(there + "".join(x for x in lines if x.partition(":")[0] not in names))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


if __name__ == "__main__":
    {"system": system, "packages": packages}[sys.argv[1]](Path(sys.argv[2]))
