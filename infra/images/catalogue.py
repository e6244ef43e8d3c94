"""Which images there are, and for which platforms. Data only."""

import platform
from dataclasses import dataclass

from infra.images.errors import ImageError

TOLERANCE = 1.2
"""An image may be this much larger than its limit before its build fails."""


@dataclass(frozen=True)
class Image:
    """A target of the Dockerfile; ``limit_mb`` counts what a node has to pull."""

    name: str
    limit_mb: int


IMAGES: dict[str, Image] = {
    image.name: image
    for image in (
        Image("control", 130),
        Image("workload", 130),
        Image("relay", 130),
        Image("agent", 90),
        Image("agent-simulated", 90),
    )
}


def image_named(name: str) -> Image:
    """One of IMAGES; ImageError otherwise."""
    if name in IMAGES:
        return IMAGES[name]
    raise ImageError(f"the image {name} is none of {', '.join(IMAGES)}.")


@dataclass(frozen=True)
class Platform:
    """A machine to run on, in the words of those who have to know."""

    name: str
    architecture: str
    machine: str


PLATFORMS: dict[str, Platform] = {
    f"linux/{architecture}": Platform(f"linux/{architecture}", architecture, machine)
    for architecture, machine in (("amd64", "x86_64"), ("arm64", "aarch64"))
}


def platform_named(name: str) -> Platform:
    """One of PLATFORMS; ImageError otherwise."""
    if name in PLATFORMS:
        return PLATFORMS[name]
    raise ImageError(f"PLATFORM={name} is none of {', '.join(PLATFORMS)}.")


def own_platform() -> Platform:
    """That of the machine that builds."""
    machine = platform.machine()
    for known in PLATFORMS.values():
        if known.machine == machine:
            return known
    raise ImageError(f"images are built on x86_64 or aarch64; this machine is {machine}.")
