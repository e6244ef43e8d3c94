"""Static files: small, hashed, never of another origin, and exactly what was pinned."""

import gzip
import hashlib
import json
import re

from flask import Flask

from portal.pages import assets
from portal.pages.vendor import LOCK, PACKAGES, ROOT

KIB = 1024


def size(*names: str) -> int:
    return sum((assets.SOURCE / name).stat().st_size for name in names)


def test_our_own_style_and_script_stay_small() -> None:
    assert size("app.css") <= 15 * KIB
    assert size("app.js", "charts.js") <= 12 * KIB


def test_every_vendored_file_is_what_the_lock_says() -> None:
    lock = json.loads(LOCK.read_text())
    assert {(p["name"], p["version"]) for p in lock} == {(p.name, p.version) for p in PACKAGES}
    listed = {path: digest for package in lock for path, digest in package["files"].items()}
    for path, digest in listed.items():
        assert hashlib.sha256((ROOT / path).read_bytes()).hexdigest() == digest, path
    folder = assets.SOURCE / "vendor"
    there = {str(p.relative_to(ROOT)) for p in folder.rglob("*") if p.is_file()}
    assert there - {str(LOCK.relative_to(ROOT))} <= set(listed)


def test_every_vendored_package_has_its_licence_text_beside_it() -> None:
    for package in PACKAGES:
        assert "LICENSE" in package.files
        assert package.licence


def test_a_static_file_is_kept_for_ever_and_sent_compressed(app: Flask) -> None:
    address = assets.url("app.css")
    answer = app.test_client().get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data) == assets.contents()["app.css"][1]


def test_a_page_of_another_version_gets_its_files_too(app: Flask) -> None:
    answer = app.test_client().get("/static/vendor/htmx.0123456789ab.js")
    assert answer.status_code == 200
    assert answer.data == assets.contents()["vendor/htmx.js"][1]
    assert answer.content_type == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_file_that_no_version_has_is_not_there(app: Flask) -> None:
    for name in ("vendor/other.0123456789ab.js", "app.css", "../app.0123456789ab.py"):
        assert app.test_client().get(f"/static/{name}").status_code == 404


def test_style_sheets_name_other_files_by_their_hashed_names() -> None:
    css = assets.contents()["tokens.css"][1].decode()
    found = re.findall(r'url\("([^"]+)"\)', css)
    assert found == [assets.url("vendor/inter.woff2")]


def test_own_styles_and_scripts_name_no_other_origin() -> None:
    for name in ("app.css", "tokens.css", "app.js", "charts.js"):
        assert "//" not in re.sub(r"(^|\s)//[^\n]*", "", (assets.SOURCE / name).read_text()), name


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    sprite = (assets.SOURCE / "vendor/icons.svg").read_text()
    templates = (assets.SOURCE.parent / "templates").rglob("*.html")
    used = {n for t in templates for n in re.findall(r'icon\("([a-z0-9-]+)"', t.read_text())}
    assert used
    for name in used:
        assert f'id="{name}"' in sprite, name
