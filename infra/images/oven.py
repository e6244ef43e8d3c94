"""Bakes a laid-out context into images and packs them; what would come out equal is left alone."""

import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.images import debian
from infra.images.catalogue import Image, Platform, own_platform
from infra.images.engine import Build, Engine
from infra.images.order import DEBIAN, Order, revision
from infra.tools.failure import failed
from infra.tools.job import Job
from infra.tools.workshop import Tick, Workshop

HERE = Path(__file__).parent
_ASK_SECONDS = 30


@dataclass(frozen=True)
class Oven:
    """One engine at work on one order."""

    order: Order
    shop: Workshop
    engine: Engine

    def base(self, platform: Platform, tick: Tick) -> None:
        """Make the base of Debian's packages for ``platform``."""
        debian.make(platform, self.shop, tick)
        folder, name = debian.folder(self.shop), _base_name(platform)
        build = Build(HERE / "debian.Dockerfile", folder, name, platform.name)
        self._run(self.engine.build(build), f"Building the base for {platform.name}", tick)

    def image(self, image: Image, tick: Tick) -> None:
        """Make ``image`` and its archive."""
        reference, archive = self.order.reference(image), self.order.archive(image)
        mark, made_of = archive.with_suffix(".made"), self._fingerprint()
        if archive.is_file() and _read(mark) == f"{made_of} {self._identity(reference)}":
            return
        mark.unlink(missing_ok=True)
        archive.unlink(missing_ok=True)
        self._run(self.engine.build(self._build(image)), f"Building the image {image.name}", tick)
        save = self.engine.save(reference, archive)
        self._run(save, f"Packing the image {image.name}", tick)
        mark.write_text(f"{made_of} {self._identity(reference)}")

    def _build(self, image: Image) -> Build:
        order = self.order
        return Build(
            HERE / "Dockerfile",
            order.context,
            order.reference(image),
            order.platform.name,
            image.name,
            tuple(self._arguments().items()),
        )

    def _arguments(self) -> dict[str, str]:
        given = {"VERSION": self.order.tag, "REVISION": revision(self.order.root)}
        given["BUILDPLATFORM"] = own_platform().name
        if self.order.base == DEBIAN:
            given["BASE"] = _base_name(self.order.platform)
            given["BUILDER"] = _base_name(own_platform())
        elif self.order.base:
            given["BASE"] = self.order.base
        return given

    def _fingerprint(self) -> str:
        # Libraries stand for themselves by the lists they were installed from.
        order, found = self.order, hashlib.sha256()
        given = self._arguments()
        bases = [self._identity(given[name]) for name in ("BASE", "BUILDER") if name in given]
        found.update(json.dumps([given, bases]).encode())
        parts = [*order.folder.glob("*.locked"), HERE / "Dockerfile", order.context / "prepare.py"]
        for part in ("neurox", "simulated", "charts"):
            parts += (path for path in (order.context / part).rglob("*") if path.is_file())
        for path in sorted(parts):
            found.update(f"{path}\0".encode() + path.read_bytes())
        return found.hexdigest()

    def _identity(self, reference: str) -> str:
        said = subprocess.run(
            self.engine.identity(reference),
            env=dict(self.shop.env),
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
        return said.stdout.strip()

    def _run(self, argv: tuple[str, ...], what: str, tick: Tick) -> None:
        job = Job(argv, self.shop.cache.logs / "images.log", self.shop.env)
        if status := job.run(tick):
            raise failed(what, job, status, self.shop.cache)


def _base_name(platform: Platform) -> str:
    return f"localhost/neurox-base:{DEBIAN}-{platform.architecture}"


def _read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
