import platform
import shutil
from pathlib import Path

import pytest

from infra.local import preflight
from infra.local.errors import LocalError
from infra.local.state import State


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    preflight.check(tmp_path / "state")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalError, match=r"file/state cannot be made .*--state"):
        preflight.check(tmp_path / "file" / "state")


def test_a_folder_that_holds_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(LocalError, match=r"holds other things \(thesis\.tex\).*--state"):
        preflight.check(tmp_path)


def test_a_folder_of_ours_is_taken_whatever_was_put_beside_it(tmp_path: Path) -> None:
    State(tmp_path / "fleet").save()
    (tmp_path / "fleet" / "thesis.tex").touch()
    preflight.check(tmp_path / "fleet")


@pytest.mark.parametrize("name", ["a:b", "a;b", "a[b]", "a*", "a?", "a\\b", "a\nb", "a\x1b[31mb"])
def test_a_name_that_the_servers_cannot_take_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LocalError, match=r"has .* in its name.*--state") as refused:
        preflight.check(tmp_path / name)
    assert str(refused.value).isprintable()


def test_a_disk_that_is_nearly_full_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil._ntuple_diskusage(100, 90, 10 * 2**20)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(LocalError, match="only 10 MiB are free"):
        preflight.check(tmp_path)


def test_another_system_is_told_what_to_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(LocalError, match="runs on Linux, this is Darwin"):
        preflight.check(tmp_path)
