"""One ``go build`` of one pinned program."""

import hashlib
import platform
import shutil
import subprocess
from pathlib import Path

from infra.tools import advice, compiler, go
from infra.tools.catalogue import GoBuild, Tool
from infra.tools.errors import ToolError
from infra.tools.failure import failed
from infra.tools.job import Job
from infra.tools.workshop import Tick, Workshop

_LEAST_FREE_BYTES = 600_000_000
_FLAGS = ("-trimpath", "-mod=readonly", "-buildvcs=false")


def flags(source: GoBuild) -> tuple[str, ...]:
    """What decides how the program comes out; part of the name of its folder."""
    stamps = [f"-X {stamp}" for stamp in source.stamps]
    tags = (f"-tags={','.join(source.tags)}",) if source.tags else ()
    return (*_FLAGS, *tags, f"-ldflags={' '.join(['-s', '-w', *stamps])}")


def fingerprint(source: GoBuild, sources: Path) -> str:
    """Twelve hex digits that change when the pinned source, the flags or the machine do."""
    digest, folder = hashlib.sha256(), sources / source.folder
    modules = sorted(folder.glob("*/go.mod"))
    for path in (folder / "go.mod", folder / "go.sum", *modules, *sorted(folder.rglob("*.go"))):
        digest.update(path.read_bytes())
    linked = (source.c_library,) if source.c_library else ()
    words = (*flags(source), source.package, platform.machine(), *linked)
    digest.update("\0".join(words).encode())
    return digest.hexdigest()[:12]


def environment(shop: Workshop) -> dict[str, str]:
    """The caller's environment, less what would make this build differ from the next one."""
    differing = {"GOOS", "GOARCH", "GOEXPERIMENT"}
    kept = {name: value for name, value in shop.env.items() if name not in differing}
    return kept | {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOCACHE": str(shop.cache.go_build),
        "GOMODCACHE": str(shop.cache.go_mod),
        "GOTMPDIR": str(shop.cache.go_tmp),
    }


def cgo(library: str, shop: Workshop, tick: Tick) -> dict[str, str]:
    """What turns cgo on; ToolError when ``library`` is not there to be linked."""
    try:
        known = subprocess.run(
            ("pkg-config", "--exists", library), env=dict(shop.env), timeout=10, check=False
        )
    except FileNotFoundError:
        known = None
    if known is None or known.returncode:
        raise ToolError(
            f"pkg-config does not know {library}. On Debian: apt install pkg-config {library}-dev"
        )
    return {"CGO_ENABLED": "1", **(compiler.found(shop) or compiler.fetch(shop, tick))}


def build(tool: Tool, to: Path, shop: Workshop, tick: Tick) -> None:
    """Compile and link ``tool`` into the file ``to``. Call it under the lock."""
    if not isinstance(tool.source, GoBuild):
        raise ToolError(f"{tool.name} is not built from source")
    cache = shop.cache
    if cache.free_bytes() < _LEAST_FREE_BYTES:
        raise ToolError(advice.full_disk(str(cache.root), cache.free_bytes()))
    env = environment(shop)
    if library := tool.source.c_library:
        env |= cgo(library, shop, tick)
    folder = shop.sources / tool.source.folder
    program = go.toolchain(go.required((folder / "go.mod").read_text()), shop, tick)
    shutil.rmtree(cache.go_tmp, ignore_errors=True)
    cache.go_tmp.mkdir(parents=True)
    # -modcacherw: so that a person can delete the cache with plain rm. -v: progress in the log.
    argv = (str(program), "build", "-modcacherw", "-v", *flags(tool.source))
    job = Job(
        argv=(*argv, "-o", str(to), tool.source.package),
        log=cache.logs / f"{tool.name}.log",
        env=env,
        cwd=folder,
    )
    if status := job.run(tick):
        raise failed(f"Building {tool.name} {tool.version}", job, status, cache)
