from pathlib import Path

import pytest

from controllers.control.settings import Settings
from controllers.environment import SettingsError
from controllers.relay.identity import PrivateKey


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "signing.pem").write_text(PrivateKey.generate().pem())
    return {
        "NEUROX_REDIS_URL": "redis://:pw@127.0.0.1:6379/0",
        "NEUROX_THANOS_URL": "http://127.0.0.1:1/",
        "NEUROX_RELAY_URL": "http://127.0.0.1:2",
        "NEUROX_RELAY_TOKEN_FILE": str(tmp_path / "token"),
        "NEUROX_HUB_KEY_FILE": str(tmp_path / "signing.pem"),
        "NEUROX_CONTROL_LISTEN": "127.0.0.1:8081",
    }


def test_settings_come_from_the_environment(env: dict[str, str]) -> None:
    settings = Settings.from_env(env)
    assert settings.thanos_url == "http://127.0.0.1:1"
    assert settings.relay_token == "secret"
    assert (settings.listen_host, settings.listen_port) == ("127.0.0.1", 8081)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NEUROX_REDIS_URL", "", "NEUROX_REDIS_URL is not set"),
        ("NEUROX_THANOS_URL", "thanos:10902", "NEUROX_THANOS_URL must begin with http"),
        ("NEUROX_CONTROL_LISTEN", "8081", "must be host:port, not '8081'"),
        ("NEUROX_CONTROL_LISTEN", "h:99999", "must be host:port"),
        ("NEUROX_RELAY_TOKEN_FILE", "/absent", "'/absent', which cannot be read"),
        ("NEUROX_HUB_KEY_FILE", "", "NEUROX_HUB_KEY_FILE is not set"),
        ("NEUROX_HUB_KEY_FILE", "/absent", "'/absent': No such file"),
        ("NEUROX_HUB_KEY_FILE", "/dev/null", "'/dev/null' holds no private key"),
    ],
)
def test_a_bad_setting_is_refused_by_name_and_value(
    env: dict[str, str], name: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings.from_env(env | {name: value})


def test_a_password_is_never_part_of_a_refusal(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(env | {"NEUROX_REDIS_URL": "http://:pw@host"})
    assert "pw" not in str(refused.value)
