"""The release before this one, as those have it who upgrade: the charts of its tag, its images."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.images.catalogue import own_platform
from infra.tools.cache import Cache

TAG = "v0.1.0"
COMMIT = "cd7f33e894152556f7bc3823911bdb7e2b66891f"
"""Of the tag, for a clone without tags."""
VERSION = "0.1.0"
IMAGES = ("control", "workload", "relay", "agent-simulated")
BUILD_SECONDS = 1500


class Unknown(Exception):
    """The repository knows neither the tag nor its commit."""


@dataclass(frozen=True)
class Release:
    """A folder with its charts, and its images as archives."""

    folder: Path

    @property
    def charts(self) -> Path:
        return self.folder / "charts"

    @property
    def images(self) -> list[Path]:
        return [self.folder / f"{name}.tar" for name in IMAGES]


def release(root: Path) -> Release:
    """Built once, by the tag's own program, and kept by the tag's commit. Unknown."""
    commit = _commit(root)
    kept = Cache.from_env(os.environ).root / "releases" / commit / own_platform().architecture
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Beside it, so that it is there all at once or not at all.
        with tempfile.TemporaryDirectory(prefix="building-", dir=kept.parent) as name:
            _build(root, commit, Path(name)).rename(kept)
    return Release(kept)


def _commit(root: Path) -> str:
    for name in (TAG, COMMIT):
        words = ("git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        said = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
        if said.returncode == 0:
            return said.stdout.strip()
    raise Unknown(f"this clone has neither the tag {TAG} nor its commit; `git fetch --tags`")


def _build(root: Path, commit: str, folder: Path) -> Path:
    tree, made = folder / "tree", folder / "made"
    tree.mkdir()
    made.mkdir()
    packed = folder / "tree.tar"
    subprocess.run(("git", "archive", "-o", packed, commit), cwd=root, check=True)
    shutil.unpack_archive(packed, tree)
    # `python -m` looks into the current folder first, so that this is the tag's own program.
    words = (sys.executable, "-m", "infra.images", "build", "--base", "debian", *IMAGES)
    subprocess.run(words, cwd=tree, check=True, timeout=BUILD_SECONDS)
    for image in IMAGES:
        shutil.move(tree / "build" / "images" / own_platform().architecture / f"{image}.tar", made)
    shutil.copytree(tree / "charts", made / "charts")
    return made
