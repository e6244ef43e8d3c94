"""Lays out what the Dockerfile copies: wheels by hash, unpacked for the image's platform."""

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from infra.images.catalogue import Image
from infra.images.order import Order, revision
from infra.tools import wheel
from infra.tools.catalogue import ZIG_WHEEL
from infra.tools.failure import failed
from infra.tools.job import Job
from infra.tools.workshop import Tick, Workshop

HERE = Path(__file__).parent
SOURCES = (
    *("agent", "controllers", "infra", "portal"),
    *("setup.py", "setup.cfg", "README.md", "LICENSE"),
)
CHART = "neurox-workload"
LIBC = "2.36"
"""Of Debian 12; a wheel or library that asks for a newer one would not load."""
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")


def requirements(image: Image) -> Path:
    """The image's locked requirements."""
    return HERE / "requirements" / f"{image.name}.txt"


def libraries(image: Image, order: Order, shop: Workshop, tick: Tick) -> None:
    """Unpack what ``image`` needs of others; kept while the lock stays the same."""
    lock, to = requirements(image), order.context / "libraries" / image.name
    mark = order.folder / f"{image.name}.locked"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if to.is_dir() and mark.is_file() and mark.read_text() == wanted:
        return
    mark.unlink(missing_ok=True)
    words = ("--require-hashes", "--only-binary", ":all:", *_foreign(order), "-r", str(lock))
    _unpack(to, words, f"Fetching the wheels of {image.name}", shop, tick)
    mark.write_text(wanted)


def neurox(order: Order, shop: Workshop, tick: Tick) -> None:
    """Build our wheel from a copy of the sources, so that nothing of an older build gets in.

    Beside it goes the chart that the control plane hands to clusters that join.
    """
    shutil.rmtree(order.context / "charts", ignore_errors=True)
    _copy(order.root / "charts" / CHART, order.context / "charts" / CHART)
    shutil.copyfile(HERE / "prepare.py", order.context / "prepare.py")
    with tempfile.TemporaryDirectory(prefix="neurox-wheel-") as name:
        copy, made = Path(name) / "source", Path(name) / "wheel"
        for source in SOURCES:
            _copy(order.root / source, copy / source)
        pip = (*_PIP, "wheel", "--no-deps", "--wheel-dir", str(made), str(copy))
        _run(pip, "Building the wheel of neurox", shop, tick)
        words = ("--no-index", "--find-links", str(made), "neurox")
        _unpack(order.context / "neurox", words, "Unpacking the wheel of neurox", shop, tick)
    (order.context / "neurox" / "BUILD").write_text(f"{order.tag} {revision(order.root)}\n")


def simulated(order: Order, shop: Workshop, tick: Tick) -> None:
    """Compile the simulated driver for the image's C library, not for this machine's."""
    zig = wheel.add(ZIG_WHEEL, shop, tick) / "ziglang" / "zig"
    triple = f"{order.platform.machine}-linux-gnu.{LIBC}"
    env = {**shop.env, "CC": f"{zig} cc -target {triple}"}
    to = order.context / "simulated"
    words = (sys.executable, "-m", "agent.simulated.build", "--out", str(to))
    _run(words, "Compiling the simulated driver", Workshop(shop.cache, env), tick)


def _foreign(order: Order) -> tuple[str, ...]:
    newest, machine = int(LIBC.partition(".")[2]), order.platform.machine
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, 16, -1)]
    tags += [f"manylinux2014_{machine}"]
    words = ["--implementation", "cp", "--python-version", "3.11"]
    return (*words, *(word for tag in tags for word in ("--platform", tag)))


def _unpack(to: Path, words: tuple[str, ...], what: str, shop: Workshop, tick: Tick) -> None:
    shutil.rmtree(to, ignore_errors=True)
    to.parent.mkdir(parents=True, exist_ok=True)
    options = ("install", "--no-deps", "--no-compile", "--target", str(to))
    _run((*_PIP, *options, *words), what, shop, tick)
    # Their first lines name this machine's Python; images start programs by `python3 -m`.
    shutil.rmtree(to / "bin", ignore_errors=True)


def _copy(source: Path, to: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__", "*.so*"))
    else:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, to)


def _run(argv: tuple[str, ...], what: str, shop: Workshop, tick: Tick) -> None:
    job = Job(argv, shop.cache.logs / "images.log", shop.env)
    if status := job.run(tick):
        raise failed(what, job, status, shop.cache)
