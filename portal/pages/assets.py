"""Static files under names that hold their hash, so that browsers may keep them for ever."""

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "static"
PREFIX = "/static/"
_SUFFIXES = {".css", ".js", ".svg", ".woff2"}
_CSS_URL = re.compile(rb'url\("([^"]+)"\)')


@cache
def contents() -> dict[str, tuple[str, bytes]]:
    """Each file of ``static`` by its path there: the hashed path and the bytes.

    The names depend on the bytes alone, so every process of one version agrees on them.
    """
    names = sorted(
        str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*") if path.suffix in _SUFFIXES
    )
    # Style sheets last: they name the other files and are hashed with those names inside.
    staged: dict[str, tuple[str, bytes]] = {}
    for name in sorted(names, key=lambda name: name.endswith(".css")):
        content = (SOURCE / name).read_bytes()
        if name.endswith(".css"):
            content = _CSS_URL.sub(lambda match: _hashed_url(match, staged), content)
        stem, _, suffix = name.rpartition(".")
        digest = hashlib.sha256(content).hexdigest()[:12]
        staged[name] = (f"{stem}.{digest}.{suffix}", content)
    return staged


def url(name: str) -> str:
    """The address of a static file; an unknown name is a ``KeyError``."""
    return PREFIX + contents()[name][0]


def stage(folder: Path) -> None:
    """Write all files under their hashed names, each beside its gzip form where that is smaller."""
    for hashed, content in contents().values():
        target = folder / hashed
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        packed = gzip.compress(content, 9, mtime=0)
        if len(packed) < 0.9 * len(content):
            target.with_name(target.name + ".gz").write_bytes(packed)


def _hashed_url(match: re.Match[bytes], staged: dict[str, tuple[str, bytes]]) -> bytes:
    return b'url("' + PREFIX.encode() + staged[match[1].decode()][0].encode() + b'")'
