from pathlib import Path

import pytest

from agent.settings import VARIABLES, Settings, SettingsError


def test_a_name_is_enough() -> None:
    settings = Settings.from_env({"NEUROX_AGENT_NODE": "gpu-1"})
    assert settings == Settings(
        node="gpu-1",
        host="127.0.0.1",
        port=9479,
        pod_resources=None,
        pod_logs=Path("/var/log/pods"),
        proc=Path("/proc"),
        host_pid=True,
        kube_api=None,
        kube_token=None,
        kube_ca=None,
        job_map=None,
        interval=1.0,
    )


def test_in_a_cluster_the_service_account_leads_to_the_api_server() -> None:
    service = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    given = {"NEUROX_AGENT_NODE": "n", "NEUROX_AGENT_KUBE_API": "in-cluster", **service}
    settings = Settings.from_env(given)
    account = Path("/var/run/secrets/kubernetes.io/serviceaccount")
    assert settings.kube_api == "https://[fd00::1]:443"
    assert (settings.kube_token, settings.kube_ca) == (account / "token", account / "ca.crt")


def test_an_ipv6_address_is_read() -> None:
    settings = Settings.from_env({"NEUROX_AGENT_NODE": "n", "NEUROX_AGENT_LISTEN": "[::1]:80"})
    assert (settings.host, settings.port) == ("::1", 80)


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({}, "NEUROX_AGENT_NODE is not set"),
        ({"NEUROX_AGENT_LISTEN": "9400"}, "NEUROX_AGENT_LISTEN must be HOST:PORT, not '9400'"),
        ({"NEUROX_AGENT_LISTEN": "a:99999"}, "NEUROX_AGENT_LISTEN must be HOST:PORT"),
        ({"NEUROX_AGENT_HOST_PID": "maybe"}, "NEUROX_AGENT_HOST_PID must be true or false"),
        ({"NEUROX_AGENT_KUBE_API": "k8s:6443"}, "must be in-cluster or a URL, not 'k8s:6443'"),
        ({"NEUROX_AGENT_KUBE_API": "in-cluster"}, "KUBERNETES_SERVICE_PORT are not set"),
        ({"NEUROX_AGENT_PROC": "/no/such"}, "NEUROX_AGENT_PROC must be an existing folder"),
        ({"NEUROX_AGENT_DCGM": "on"}, "NEUROX_AGENT_DCGM must be off, legacy, current or both"),
        ({"NEUROX_AGENT_INTERVAL": "nan"}, "NEUROX_AGENT_INTERVAL must be 0.1 to 10 seconds"),
    ],
)
def test_a_wrong_value_is_refused_by_name(env: dict[str, str], named: str) -> None:
    given = {"NEUROX_AGENT_NODE": "gpu-1", **env} if env else env
    with pytest.raises(SettingsError, match=named):
        Settings.from_env(given)


def test_an_empty_variable_is_as_good_as_none() -> None:
    empty = {name: "" for name in VARIABLES}
    assert Settings.from_env({**empty, "NEUROX_AGENT_NODE": "n"}).port == 9479


def test_the_documentation_says_of_each_variable_what_the_code_does() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/settings.md").read_text()
    for name, variable in VARIABLES.items():
        default = f"; default `{variable.default}`" if variable.default else ""
        assert f"| `{name}` | {variable.help}{default} |" in page
