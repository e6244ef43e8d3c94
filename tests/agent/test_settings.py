from pathlib import Path

import pytest

from agent.settings import Settings, SettingsError


def test_a_name_is_enough() -> None:
    settings = Settings.from_env({"NEUROX_AGENT_NODE": "gpu-1"})
    assert settings == Settings(
        node="gpu-1",
        host="127.0.0.1",
        port=9479,
        pod_resources=None,
        pod_logs=Path("/var/log/pods"),
        proc=Path("/proc"),
    )


def test_an_ipv6_address_is_read() -> None:
    settings = Settings.from_env({"NEUROX_AGENT_NODE": "n", "NEUROX_AGENT_LISTEN": "[::1]:80"})
    assert (settings.host, settings.port) == ("::1", 80)


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({}, "NEUROX_AGENT_NODE is not set"),
        ({"NEUROX_AGENT_LISTEN": "9400"}, "NEUROX_AGENT_LISTEN must be HOST:PORT, not '9400'"),
        ({"NEUROX_AGENT_LISTEN": "a:99999"}, "NEUROX_AGENT_LISTEN must be HOST:PORT"),
        ({"NEUROX_AGENT_PROC": "/no/such"}, "NEUROX_AGENT_PROC must be an existing folder"),
    ],
)
def test_a_wrong_value_is_refused_by_name(env: dict[str, str], named: str) -> None:
    given = {"NEUROX_AGENT_NODE": "gpu-1", **env} if env else env
    with pytest.raises(SettingsError, match=named):
        Settings.from_env(given)
