from pathlib import Path

import pytest

from controllers.environment import SettingsError
from controllers.store.address import redis_url
from controllers.store.sentinels import sentinels

SENTINELS = "rediss+sentinel://a:1,[::1]:2,c/main/3"


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text("p@ss/\n")
    return str(file)


def address(url: str, **env: str) -> str:
    given = {f"NEUROX_REDIS_{name}": value for name, value in env.items()}
    return redis_url({"NEUROX_REDIS_URL": url, **given})


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("redis://host:6379/0", "redis://:p%40ss%2F@host:6379/0"),
        ("rediss://user@host/1", "rediss://user:p%40ss%2F@host/1"),
        ("redis://user:old@[::1]:6379/0", "redis://user:p%40ss%2F@[::1]:6379/0"),
        ("redis+sentinel://u@a:1,b:2/main", "redis+sentinel://u:p%40ss%2F@a:1,b:2/main"),
    ],
)
def test_the_password_is_put_into_the_url(password: str, url: str, whole: str) -> None:
    assert address(url, PASSWORD_FILE=password) == whole


def test_without_a_file_the_url_stays_as_it_is() -> None:
    assert address("redis://:x@host/0") == "redis://:x@host/0"


def test_a_file_that_cannot_be_used_is_named_and_the_url_is_not(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for file, words in ((tmp_path / "none", "No such file"), (empty, "which is empty")):
        with pytest.raises(SettingsError, match=words) as refused:
            address("redis://host/0", PASSWORD_FILE=str(file))
        assert str(file) in str(refused.value)
        assert "redis://" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "NEUROX_REDIS_URL is not set"),
        ("http://host", "must begin with redis or rediss or unix or redis\\+sentinel"),
        ("redis://", "must begin with redis"),
        ("redis://[::1", "its host cannot be read"),
        ("redis://:secret@host:port/0", "has a host, port or option that cannot be read"),
        ("redis://:secret@host/0?db=x", "has a host, port or option that cannot be read"),
        ("redis+sentinel://a:1,b:2", "does not end with the name that the Sentinels watch"),
        ("redis+sentinel://a:port/main", "has a host, port or option that cannot be read"),
    ],
)
def test_a_bad_url_is_refused_and_keeps_its_password(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as refused:
        address(url)
    assert "secret" not in str(refused.value)


def test_certificates_come_from_a_folder_that_must_hold_some(tmp_path: Path) -> None:
    for files, words in (
        ((), "must hold ca.crt, or tls.crt with tls.key"),
        (("tls.crt",), "must hold ca.crt, or tls.crt with tls.key"),
    ):
        for name in files:
            (tmp_path / name).touch()
        with pytest.raises(SettingsError, match=words):
            address("rediss://host/0", TLS_DIR=str(tmp_path))
    (tmp_path / "tls.key").touch()
    with pytest.raises(SettingsError, match="only when NEUROX_REDIS_URL begins with rediss://"):
        address("redis://host/0", TLS_DIR=str(tmp_path))
    whole = address("rediss://host/0", TLS_DIR=str(tmp_path))
    assert "ssl_certfile=" in whole
    assert "ssl_ca_certs" not in whole


def test_sentinels_are_told_apart_from_what_they_watch(tmp_path: Path, password: str) -> None:
    (tmp_path / "ca.crt").touch()
    whole = address(SENTINELS, SENTINEL_PASSWORD_FILE=password, TLS_DIR=str(tmp_path))
    known = sentinels(whole)
    assert known is not None
    assert known.hosts == [("a", 1), ("::1", 2), ("c", 26379)]
    assert known.service == "main"
    tls = {"ssl": True, "ssl_ca_certs": str(tmp_path / "ca.crt")}
    assert known.redis == {"db": 3, **tls}
    assert known.own == {"password": "p@ss/", **tls}
    assert sentinels("redis://host/0") is None
