"""Where the two charts come from: this checkout, a folder, a repository or an OCI registry."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from pulumi_kubernetes.helm.v3 import RepositoryOptsArgs

from infra.components.names import ArgumentError

CHECKOUT = Path(__file__).parents[2] / "charts"


@dataclass(frozen=True)
class Chart:
    """One chart as a Helm release takes it."""

    reference: str
    repository: RepositoryOptsArgs | None = None
    version: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class Charts:
    """``location`` is a folder, ``https://...`` or ``oci://...``; empty: the charts beside us.

    ``version`` is for the last two; a folder holds just one.
    """

    location: str = ""
    version: str = ""

    def chart(self, name: str) -> Chart:
        """One of the two by its name. ArgumentError when the folder does not hold it."""
        place = self.location.rstrip("/")
        if place.startswith("oci://"):
            return Chart(f"{place}/{name}", version=self.version or None)
        if place.startswith("https://"):
            return Chart(name, RepositoryOptsArgs(repo=place), self.version or None)
        folder = (Path(place) if place else CHECKOUT) / name
        if not (folder / "Chart.yaml").is_file():
            raise ArgumentError(
                f"charts: {folder} is no chart; give a folder that holds {name}, "
                "oci://REGISTRY/PATH or https://REPOSITORY"
            )
        if self.version:
            raise ArgumentError(
                f"charts: version {self.version!r} cannot be chosen from the folder "
                f"{folder.parent}, which holds one; leave it out, or give a repository"
            )
        # Pulumi compares a chart's version only; this shows it what changed in the folder.
        return Chart(str(folder), description=f"Chart of sha256:{_digest(folder)}")


def _digest(folder: Path) -> str:
    """A hash of every file; the chart neurox reaches neurox-workload through a link."""
    found = hashlib.sha256()
    for path in sorted(
        Path(top) / name
        for top, _, names in os.walk(folder, followlinks=True)
        for name in names
        if not name.startswith(".")
    ):
        content = path.read_bytes()
        found.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()
