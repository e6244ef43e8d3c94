"""What is asked for: names, places and platform of one build."""

import configparser
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.images.catalogue import Image, Platform

ROOT = Path(__file__).parents[2]
DEBIAN = "debian"
"""The value of BASE that means: made here, of Debian packages."""
_GIT_SECONDS = 10


@dataclass(frozen=True)
class Order:
    """``base`` is empty for the Dockerfile's own."""

    platform: Platform
    registry: str
    tag: str
    base: str = ""
    root: Path = ROOT

    @property
    def folder(self) -> Path:
        """Everything that is made for this platform lies here."""
        return self.root / "build" / "images" / self.platform.architecture

    @property
    def context(self) -> Path:
        """What the Dockerfile may copy from."""
        return self.folder / "context"

    def reference(self, image: Image) -> str:
        """The image's whole name."""
        return f"{self.registry}/{image.name}:{self.tag}"

    def archive(self, image: Image) -> Path:
        """Where the image lies as an OCI archive."""
        return self.folder / f"{image.name}.tar"


def version(root: Path = ROOT) -> str:
    """The version in setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(root / "setup.cfg")
    return parser["metadata"]["version"]


def revision(root: Path = ROOT) -> str:
    """The commit, with ``-dirty`` after it when files differ from it."""
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return "unknown"
    words = (git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    said = subprocess.run(
        words, cwd=root, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False
    )
    return said.stdout.strip() or "unknown"
