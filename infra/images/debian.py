"""A base image made of Debian's packages, where no image registry can be reached."""

import hashlib
import shutil
from pathlib import Path

from infra.images.catalogue import Platform
from infra.images.errors import ImageError
from infra.tools.failure import failed
from infra.tools.job import Job
from infra.tools.workshop import Tick, Workshop

RELEASE = "bookworm"
PACKAGES = (
    *("python3-minimal", "libpython3.11-stdlib", "ca-certificates", "tzdata", "netbase"),
    "libstdc++6",  # of greenlet
)
# No script of a package is run, so that another architecture is as easy; this is what one would do.
_HOOK = 'cat "$1"/usr/share/ca-certificates/mozilla/*.crt > "$1/etc/ssl/certs/ca-certificates.crt"'


def folder(shop: Workshop) -> Path:
    """The build context of the base images; kept between runs while the recipe stays the same."""
    recipe = " ".join((RELEASE, *PACKAGES, _HOOK))
    return shop.cache.root / "images" / hashlib.sha256(recipe.encode()).hexdigest()[:12]


def make(platform: Platform, shop: Workshop, tick: Tick) -> None:
    """Write ``debian-ARCHITECTURE.tar`` unless it is there; delete it for newer packages."""
    to = folder(shop) / f"debian-{platform.architecture}.tar"
    if to.is_file():
        return
    program = shutil.which("mmdebstrap", path=shop.env.get("PATH"))
    if program is None:
        raise ImageError("BASE=debian needs mmdebstrap (on Debian: apt install mmdebstrap).")
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = to.with_name(f".partial-{to.name}")
    words = (
        *(program, "--variant=extract", f"--architectures={platform.architecture}"),
        *(f"--include={','.join(PACKAGES)}", f"--extract-hook={_HOOK}", RELEASE, str(partial)),
    )
    job = Job(words, shop.cache.logs / "images-base.log", {**shop.env, "SOURCE_DATE_EPOCH": "0"})
    if status := job.run(tick):
        partial.unlink(missing_ok=True)
        raise failed("Making a base of Debian packages", job, status, shop.cache)
    partial.rename(to)
