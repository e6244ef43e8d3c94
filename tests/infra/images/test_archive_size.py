import gzip
import io
import random
import tarfile
from pathlib import Path

from infra.images.archive_size import compressed_bytes
from infra.images.build import too_large
from infra.images.catalogue import IMAGES


def archive(path: Path, *members: bytes) -> Path:
    with tarfile.open(path, "w") as out:
        for number, content in enumerate(members):
            entry = tarfile.TarInfo(f"blobs/{number}")
            entry.size = len(content)
            out.addfile(entry, io.BytesIO(content))
    return path


def test_packed_layers_count_as_they_are(tmp_path: Path) -> None:
    layer = gzip.compress(random.Random(1).randbytes(50_000))
    assert compressed_bytes(archive(tmp_path / "a.tar", layer, layer)) == 2 * len(layer)


def test_plain_layers_count_as_if_they_were_packed(tmp_path: Path) -> None:
    assert 0 < compressed_bytes(archive(tmp_path / "a.tar", b"neurox" * 500_000)) < 10_000


def test_an_image_a_fifth_over_its_limit_is_named() -> None:
    agent, control = IMAGES["agent"], IMAGES["control"]
    assert too_large([(agent, 107.9), (control, 100.0)]) == []
    assert too_large([(agent, 108.5)]) == ["agent is 108 MB compressed; its limit is 90 MB."]
