import hashlib
import io
import json
import struct
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from infra.images.archive import FileImage, write

REFERENCE = "registry.example/team/hello:1.2"


@pytest.fixture
def image(tmp_path: Path) -> FileImage:
    program = tmp_path / "hello"
    program.write_bytes(b"#!hello")
    files = ((program, "/usr/bin/hello"), (program, "/bin/again"))
    return FileImage(REFERENCE, files, ("/usr/bin/hello",), ("--loud",), "1001")


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}


def blob(held: dict[str, bytes], described: dict[str, str]) -> bytes:
    return held[f"blobs/sha256/{described['digest'].removeprefix('sha256:')}"]


def test_the_same_files_make_the_same_bytes(image: FileImage, tmp_path: Path) -> None:
    write(image, tmp_path / "one.tar")
    program = image.files[0][0]
    program.chmod(0o600)
    program.touch()
    write(image, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_every_digest_and_size_is_that_of_its_blob(image: FileImage, tmp_path: Path) -> None:
    write(image, tmp_path / "image.tar")
    held = members(tmp_path / "image.tar")
    index = json.loads(held["index.json"])
    manifest = json.loads(blob(held, index["manifests"][0]))
    for described in (*index["manifests"], manifest["config"], *manifest["layers"]):
        content = blob(held, described)
        assert described["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert described["size"] == len(content)
    config = json.loads(blob(held, manifest["config"]))
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]


def test_the_image_has_its_name_its_user_and_its_files(image: FileImage, tmp_path: Path) -> None:
    write(image, tmp_path / "image.tar")
    held = members(tmp_path / "image.tar")
    named = json.loads(held["index.json"])["manifests"][0]
    assert named["annotations"]["io.containerd.image.name"] == REFERENCE
    manifest = json.loads(blob(held, named))
    config = json.loads(blob(held, manifest["config"]))["config"]
    assert (config["User"], config["Cmd"]) == ("1001", ["--loud"])
    with tarfile.open(fileobj=io.BytesIO(blob(held, manifest["layers"][0]))) as layer:
        entries = {entry.name: entry for entry in layer}
    assert set(entries) == {"bin", "bin/again", "usr", "usr/bin", "usr/bin/hello"}
    assert entries["bin/again"].mode == 0o755
    assert entries["bin/again"].mtime == entries["bin/again"].uid == 0


def test_a_program_may_carry_the_capability_of_its_original(
    image: FileImage, tmp_path: Path
) -> None:
    write(replace(image, binds_low_ports=True), tmp_path / "image.tar")
    held = members(tmp_path / "image.tar")
    manifest = json.loads(blob(held, json.loads(held["index.json"])["manifests"][0]))
    with tarfile.open(fileobj=io.BytesIO(blob(held, manifest["layers"][0]))) as layer:
        (carried,) = layer.getmember("bin/again").pax_headers.values()
    revision, permitted = struct.unpack("<II12x", carried.encode())
    assert (revision, permitted) == (0x02000001, 1 << 10)
