"""Fetch the front-end files of others by pinned name and write ``vendor.lock``.

For maintainers, at the root of a checkout: ``python -m portal.pages.vendor``. It needs ``npm``;
nothing else in Neurox does, since what it writes is checked in and its hashes are tested.
"""

import base64
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
STATIC = Path("portal/static")
LOCK = ROOT / STATIC / "vendor" / "vendor.lock"
NPM_SECONDS = 120


@dataclass(frozen=True)
class Package:
    """One npm package: its pin, the SRI hash it must have, and the files taken out of it."""

    name: str
    version: str
    licence: str
    integrity: str
    files: dict[str, str]
    """Path inside the package -> path inside the checkout."""


PACKAGES = (
    Package(
        "htmx.org",
        "4.0.1",
        "0BSD",
        "sha512-oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==",
        {
            "dist/htmx.min.js": "portal/static/vendor/htmx.js",
            "LICENSE": "portal/static/vendor/licences/htmx.txt",
        },
    ),
    Package(
        "uplot",
        "1.6.32",
        "MIT",
        "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        {
            "dist/uPlot.iife.min.js": "portal/static/vendor/uplot.js",
            "dist/uPlot.min.css": "portal/static/vendor/uplot.css",
            "LICENSE": "portal/static/vendor/licences/uplot.txt",
        },
    ),
    Package(
        "@fontsource-variable/inter",
        "5.3.0",
        "OFL-1.1",
        "sha512-OupL48va4JNofb97w6NYeF9S7W/kHNKM0Er8Dem5nqi4jeOLrVJDoE8tZEpnMJmtkvNbB1EIPPwHcdkF6b1oUA==",
        {
            "files/inter-latin-wght-normal.woff2": "portal/static/vendor/inter.woff2",
            "LICENSE": "portal/static/vendor/licences/inter.txt",
        },
    ),
    Package(
        "@tabler/icons",
        "3.51.0",
        "MIT",
        "sha512-0pinvPZz7YeX+OSfxuEAbnEPWbocVXW5iU8h5lh41pYG8sZuQfpWECC980lxOT0clGIcNGn8xsBr+zKaRGdA/g==",
        {"LICENSE": "portal/static/vendor/licences/tabler-icons.txt"},
    ),
    Package(
        "axe-core",
        "4.14.1",
        "MPL-2.0",
        "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        {
            "axe.min.js": "tests/portal/pages/vendor/axe.min.js",
            "LICENSE": "tests/portal/pages/vendor/axe-licence.txt",
        },
    ),
)
SPRITE = "portal/static/vendor/icons.svg"
ICONS = (
    "alert-circle",
    "alert-triangle",
    "arrow-down",
    "arrow-up",
    "ban",
    "box",
    "chevron-right",
    "circle-check",
    "circle-dashed",
    "circle-x",
    "clock",
    "copy",
    "cpu",
    "download",
    "flask",
    "folders",
    "gauge",
    "help-circle",
    "hourglass",
    "info-circle",
    "layout-dashboard",
    "link",
    "logout",
    "menu-2",
    "moon",
    "player-pause",
    "player-play",
    "player-stop",
    "plug-connected",
    "plug-connected-x",
    "plus",
    "search",
    "server",
    "server-2",
    "stack-2",
    "sun",
    "users-group",
    "x",
    "zzz",
)


def main() -> None:
    """Fetch all packages, write their files, the icon sprite and the lock."""
    lock = []
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            members = _read(_fetch(package, Path(folder)))
            written = {path: members[source] for source, path in package.files.items()}
            if package.name == "@tabler/icons":
                written[SPRITE] = _sprite(members).encode()
            lock.append(_write(package, written))
            print(f"{package.name} {package.version}: {len(written)} files")  # noqa: T201
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")


def _fetch(package: Package, folder: Path) -> Path:
    subprocess.run(
        ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
        cwd=folder,
        check=True,
        timeout=NPM_SECONDS,
        stdout=subprocess.DEVNULL,
    )
    name = package.name.removeprefix("@").replace("/", "-")
    archive = folder / f"{name}-{package.version}.tgz"
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != package.integrity:
        raise SystemExit(
            f"{package.name} {package.version} is not what was pinned: sha512-{digest}"
        )
    return archive


def _read(archive: Path) -> dict[str, bytes]:
    """Regular files of a package by path, without the leading ``package/``."""
    with tarfile.open(archive) as tar:
        taken = {}
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                taken[member.name.partition("/")[2]] = content.read()
        return taken


def _sprite(members: dict[str, bytes]) -> str:
    """One SVG with a symbol an icon; colour and width of lines come from the page's CSS."""
    symbols = []
    for icon in ICONS:
        body = members[f"icons/outline/{icon}.svg"].decode()
        shapes = re.findall(r"<(?!svg|/)[^>]+/>", body)
        drawn = "".join(shape for shape in shapes if 'stroke="none"' not in shape)
        symbols.append(f'<symbol id="{icon}" viewBox="0 0 24 24">{drawn}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "\n".join(symbols) + "</svg>\n"


def _write(package: Package, written: dict[str, bytes]) -> dict[str, object]:
    for path, content in written.items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return {
        "name": package.name,
        "version": package.version,
        "licence": package.licence,
        "files": {path: hashlib.sha256(content).hexdigest() for path, content in written.items()},
    }


if __name__ == "__main__":
    main()
