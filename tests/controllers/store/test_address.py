from pathlib import Path

import pytest

from controllers.store.address import AddressError, with_password


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("redis://host:6379/0", "redis://:p%40ss%2F@host:6379/0"),
        ("rediss://user@host/1", "rediss://user:p%40ss%2F@host/1"),
        ("redis://user:old@[::1]:6379/0", "redis://user:p%40ss%2F@[::1]:6379/0"),
    ],
)
def test_the_password_is_put_into_the_url(tmp_path: Path, url: str, whole: str) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss/\n")
    assert with_password(url, {"NEUROX_REDIS_PASSWORD_FILE": str(file)}) == whole


def test_without_a_file_the_url_stays_as_it_is() -> None:
    assert with_password("redis://:x@host/0", {}) == "redis://:x@host/0"


def test_a_file_that_cannot_be_used_is_named_and_the_url_is_not(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for file, words in ((tmp_path / "none", "No such file"), (empty, "which is empty")):
        with pytest.raises(AddressError, match=words) as refused:
            with_password("redis://host/0", {"NEUROX_REDIS_PASSWORD_FILE": str(file)})
        assert str(file) in str(refused.value)
        assert "redis://" not in str(refused.value)
