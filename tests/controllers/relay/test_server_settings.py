from pathlib import Path

import pytest

from controllers.environment import SettingsError
from controllers.relay.server.settings import Settings


def settings(folder: Path, **more: str) -> Settings:
    (folder / "token").write_text("secret")
    return Settings.from_env(
        {
            "NEUROX_RELAY_LISTEN": "0.0.0.0:8444",
            "NEUROX_RELAY_INTERNAL_LISTEN": "0.0.0.0:8445",
            "NEUROX_RELAY_TOKEN_FILE": str(folder / "token"),
            "NEUROX_REDIS_URL": "redis://host:6379/0",
            "NEUROX_RELAY_RECEIVE_URL": "http://receive/api/v1/receive",
            **more,
        }
    )


def test_the_tenant_goes_by_the_header_of_thanos_or_by_the_one_that_is_named(
    tmp_path: Path,
) -> None:
    assert settings(tmp_path).tenant_header == "THANOS-TENANT"
    named = settings(tmp_path, NEUROX_RELAY_TENANT_HEADER="X-Scope-OrgID")
    assert named.tenant_header == "X-Scope-OrgID"


@pytest.mark.parametrize("name", ["Host", "content-type", "a: b", "a\r\nb", "\u00e9", "x" * 65])
def test_a_header_that_could_do_harm_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="NEUROX_RELAY_TENANT_HEADER must be a header of its"):
        settings(tmp_path, NEUROX_RELAY_TENANT_HEADER=name)


def test_a_missing_redis_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="NEUROX_REDIS_URL is not set"):
        settings(tmp_path, NEUROX_REDIS_URL="")


@pytest.mark.parametrize("seconds", ["0.5", "61", "often"])
def test_a_sign_of_life_is_sent_from_once_a_second_to_once_a_minute(
    tmp_path: Path, seconds: str
) -> None:
    assert settings(tmp_path).timing.ping == 20
    with pytest.raises(SettingsError, match="NEUROX_RELAY_PING_SECONDS must be"):
        settings(tmp_path, NEUROX_RELAY_PING_SECONDS=seconds)


def test_limits_are_whole_numbers(tmp_path: Path) -> None:
    assert settings(tmp_path).allowance.streams == 48
    assert settings(tmp_path, NEUROX_RELAY_LIMIT_STREAMS="7").allowance.streams == 7
    assert settings(tmp_path, NEUROX_RELAY_LIMIT_BYTES_PER_SECOND="0").allowance.streams == 48


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "1e12"])
def test_a_limit_that_is_none_is_refused_by_its_name(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="NEUROX_RELAY_LIMIT_STREAMS must be"):
        settings(tmp_path, NEUROX_RELAY_LIMIT_STREAMS=value)
