import importlib.util
import struct
from pathlib import Path

import pytest

from infra.images import prepare


@pytest.fixture
def root(tmp_path: Path) -> Path:
    library = tmp_path / "usr/local/lib/python3.11"
    for name in ("json.py", "ensurepip/__init__.py", "site-packages/pip/__init__.py"):
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text("ANSWER = 42\n")
    for name in ("usr/local/bin/pip3", "usr/local/bin/python3", "usr/bin/su", "etc/passwd"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "etc/group").write_text("root:x:0:\n")
    (tmp_path / "usr/bin/su").chmod(0o4755)
    (tmp_path / "etc").chmod(0o777)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    return tmp_path


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_pip_is_gone_and_python_stays(root: Path) -> None:
    prepare.system(root)
    left = {path.name for path in root.rglob("*")}
    assert not {"pip", "pip3", "ensurepip"} & left
    assert {"python3", "json.py"} <= left


def test_nothing_becomes_somebody_else_and_only_tmp_is_open_to_all(root: Path) -> None:
    prepare.system(root)
    assert mode(root / "usr/bin/su") == 0o755
    assert mode(root / "etc") == 0o755
    assert mode(root / "tmp") == 0o1777


def test_the_account_is_added_once(root: Path) -> None:
    prepare.system(root)
    once = (root / "etc/passwd").read_text()
    prepare.system(root)
    assert (root / "etc/passwd").read_text() == once
    assert once.splitlines()[1].startswith("neurox:x:65532:65532:")
    assert (root / "etc/group").read_text() == "root:x:0:\nneurox:x:65532:\n"


def test_bytecode_needs_no_check_of_its_source(tmp_path: Path) -> None:
    (tmp_path / "answer.py").write_text("ANSWER = 42\n")
    prepare.packages(tmp_path)
    cached = Path(importlib.util.cache_from_source(str(tmp_path / "answer.py")))
    flags = struct.unpack("<I", cached.read_bytes()[4:8])[0]
    assert flags == 0b01, "a hash, not a time, and unchecked"


def test_unpacked_wheels_can_be_read_by_everybody(tmp_path: Path) -> None:
    (tmp_path / "closed.py").touch()
    (tmp_path / "closed.py").chmod(0o600)
    tmp_path.chmod(0o700)
    prepare.packages(tmp_path)
    assert (mode(tmp_path), mode(tmp_path / "closed.py")) == (0o755, 0o644)
