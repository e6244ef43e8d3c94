"""The program that builds images: buildah, or docker where its daemon answers."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.images.errors import ImageError

_PROBE_SECONDS = 20
# chroot needs neither a runtime nor a user namespace; our own steps need no more.
_BUILDAH: tuple[str, ...] = (
    *("build", "--isolation", "chroot", "--layers", "--pull=false"),
    # Without force-rm it keeps a container for each stage that it found in its cache.
    *("--timestamp", "0", "--identity-label=false", "--force-rm"),
)
_DOCKER: tuple[str, ...] = (
    *("buildx", "build", "--load", "--provenance=false"),
    *("--build-arg", "SOURCE_DATE_EPOCH=0"),
)


@dataclass(frozen=True)
class Build:
    """One call of the engine, in the words both of them know."""

    dockerfile: Path
    context: Path
    reference: str
    platform: str
    target: str = ""
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Engine:
    """Makes commands and runs none."""

    name: str
    program: str

    def build(self, order: Build) -> tuple[str, ...]:
        """The command that makes an image. Times are fixed: equal files make an equal layer."""
        head = _BUILDAH if self.name == "buildah" else _DOCKER
        return (
            *(self.program, *head, "--platform", order.platform, "--tag", order.reference),
            *(("--target", order.target) if order.target else ()),
            *(
                word
                for name, value in order.arguments
                for word in ("--build-arg", f"{name}={value}")
            ),
            *("--file", str(order.dockerfile), str(order.context)),
        )

    def identity(self, reference: str) -> tuple[str, ...]:
        """The command that prints an image's id."""
        if self.name == "buildah":
            return (self.program, "images", "--quiet", "--no-trunc", reference)
        return (self.program, "image", "inspect", "--format", "{{.Id}}", reference)

    def save(self, reference: str, to: Path) -> tuple[str, ...]:
        """The command that writes an image as an archive."""
        if self.name == "buildah":
            return (self.program, "push", "--quiet", reference, f"oci-archive:{to}:{reference}")
        return (self.program, "save", "--output", str(to), reference)


def find(env: Mapping[str, str]) -> Engine:
    """buildah from PATH, else docker; ImageError says what to install."""
    if program := shutil.which("buildah", path=env.get("PATH")):
        return Engine("buildah", program)
    program = shutil.which("docker", path=env.get("PATH"))
    if program is None:
        raise ImageError("images need buildah or docker (on Debian: apt install buildah).")
    said = subprocess.run(
        (program, "buildx", "inspect"),
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=_PROBE_SECONDS,
        check=False,
    )
    if said.returncode:
        first = (said.stderr.strip().splitlines() or ["no reason given"])[0]
        raise ImageError(
            f"docker is there but cannot build ({first}). Start its daemon and install its plugin "
            "buildx, or install buildah (on Debian: apt install buildah)."
        )
    return Engine("docker", program)
