"""One image out of a few files, as an OCI archive. The same files make the same bytes."""

import hashlib
import io
import json
import platform
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

_OCI = "application/vnd.oci.image."
_BINDS_LOW_PORTS = "".join(map(chr, (1, 0, 0, 2, 0, 4, *[0] * 14)))
"""security.capability, revision 2: CAP_NET_BIND_SERVICE, effective and permitted."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class FileImage:
    """Programs at absolute paths, and what a container of them runs when told nothing else."""

    reference: str
    files: tuple[tuple[Path, str], ...]
    """Each file of this machine and its path in the image; all become executable."""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    binds_low_ports: bool = False
    """Whether the programs carry the file capability that lets anybody listen below port 1024."""


def write(image: FileImage, to: Path) -> None:
    """Write the archive that ``ctr images import`` and ``skopeo`` take, for this machine.

    The one layer is not compressed: it never travels, and no release of zlib changes its bytes.
    """
    with tempfile.TemporaryFile(dir=to.parent) as layer, tarfile.open(to, "w") as archive:
        _write_layer(image, layer)
        layered = _describe(layer, "layer.v1.tar")
        config = _document(_config(image, layered["digest"]))
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}manifest.v1+json",
            "config": _describe(config, "config.v1+json"),
            "layers": [layered],
        }
        held = _document(manifest)
        named = {
            **_describe(held, "manifest.v1+json"),
            "annotations": {
                "io.containerd.image.name": image.reference,
                "org.opencontainers.image.ref.name": image.reference.rpartition(":")[2],
            },
        }
        _add(archive, "oci-layout", _document({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", _document({"schemaVersion": 2, "manifests": [named]}))
        for blob in (config, held, layer):
            _add(archive, f"blobs/sha256/{_sha256(blob)}", blob)


def _write_layer(image: FileImage, layer: IO[bytes]) -> None:
    folders = {
        parent.relative_to("/")
        for _, target in image.files
        for parent in PurePosixPath(target).parents
        if parent != PurePosixPath("/")
    }
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for folder in sorted(folders):
            entry = tarfile.TarInfo(str(folder))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for source, target in sorted(image.files, key=lambda pair: pair[1]):
            with source.open("rb") as file:
                _add(tar, target.lstrip("/"), file, 0o755, _capability(image))


def _config(image: FileImage, layer: str) -> dict[str, Any]:
    machine = platform.machine()
    return {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": {
            "Entrypoint": image.entrypoint,
            "Cmd": image.command,
            "User": image.user,
            "WorkingDir": "/",
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
    }


def _capability(image: FileImage) -> dict[str, str]:
    return {"SCHILY.xattr.security.capability": _BINDS_LOW_PORTS} if image.binds_low_ports else {}


def _add(
    tar: tarfile.TarFile,
    name: str,
    content: IO[bytes],
    mode: int = 0o644,
    headers: dict[str, str] | None = None,
) -> None:
    # A fresh entry has no owner, no group and no time, so nothing of this machine gets in.
    entry = tarfile.TarInfo(name)
    entry.pax_headers = headers or {}
    entry.size, entry.mode = content.seek(0, io.SEEK_END), mode
    content.seek(0)
    tar.addfile(entry, content)


def _document(content: dict[str, Any]) -> IO[bytes]:
    return io.BytesIO(json.dumps(content).encode())


def _describe(blob: IO[bytes], kind: str) -> dict[str, Any]:
    size = blob.seek(0, io.SEEK_END)
    return {"mediaType": f"{_OCI}{kind}", "digest": f"sha256:{_sha256(blob)}", "size": size}


def _sha256(blob: IO[bytes]) -> str:
    blob.seek(0)
    return hashlib.file_digest(blob, "sha256").hexdigest()  # type: ignore[arg-type]
