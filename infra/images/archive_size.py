"""What a node has to pull of an image that lies in an archive."""

import tarfile
import zlib
from pathlib import Path
from typing import IO

_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20


def compressed_bytes(archive: Path) -> int:
    """The sum of its layers; those that docker leaves uncompressed are compressed to be counted."""
    with tarfile.open(archive) as members:
        files = (members.extractfile(member) for member in members if member.isfile())
        return sum(_size(file) for file in files if file is not None)


def _size(file: IO[bytes]) -> int:
    first = file.read(_CHUNK)
    deflate = None if first.startswith(_GZIP) else zlib.compressobj()
    size = 0
    while first:
        size += len(deflate.compress(first)) if deflate else len(first)
        first = file.read(_CHUNK)
    return size + (len(deflate.flush()) if deflate else 0)
