"""The chart that a joining cluster installs, as one file; packed from the folder we come with."""

import gzip
import io
import tarfile
from functools import lru_cache
from pathlib import Path

import yaml

NAME = "neurox-workload"


@lru_cache(maxsize=1)
def file_name(charts: Path) -> str:
    """What the package is called: neurox-workload-VERSION.tgz."""
    described = yaml.safe_load((charts / NAME / "Chart.yaml").read_text())
    return f"{NAME}-{described['version']}.tgz"


@lru_cache(maxsize=1)
def packed(charts: Path) -> bytes:
    """The chart as Helm packs it; the same bytes each time."""
    folder, inner = charts / NAME, io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(f"{NAME}/{path.relative_to(folder)}")
                entry.size = path.stat().st_size
                with path.open("rb") as file:
                    archive.addfile(entry, file)
    return gzip.compress(inner.getvalue(), mtime=0)
