from pathlib import Path

import pytest

from agent.environment import SettingsError
from agent.settings import VARIABLES, Settings


def test_a_name_is_enough() -> None:
    settings = Settings.from_env({"NEUROX_AGENT_NODE": "gpu-1"})
    assert settings == Settings(
        node="gpu-1",
        host="127.0.0.1",
        port=9479,
        pod_resources=None,
        pod_logs=Path("/var/log/pods"),
        proc=Path("/proc"),
        host_pid="auto",
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
    ("name", "wrong", "rule"),
    [
        ("NODE", "two words", "be the name of this node, at most 253 letters"),
        ("NODE", "gpu-1,status.phase=x", "be the name of this node"),
        ("NODE", "n" * 254, "be the name of this node"),
        ("LISTEN", "9400", "be HOST:PORT with a port of 0 to 65535"),
        ("LISTEN", ":9400", "be HOST:PORT"),
        ("LISTEN", "a:99999", "be HOST:PORT"),
        ("LISTEN", "a:-1", "be HOST:PORT"),
        ("LISTEN", "a:٣", "be HOST:PORT"),
        ("LISTEN", "http://a:80", "be HOST:PORT"),
        ("LISTEN", "::1:80", "be HOST:PORT"),
        ("LISTEN", "a" * 64 + ":80", "be HOST:PORT"),
        ("POD_RESOURCES", "unix:///run/kubelet.sock", "be a path that begins with /"),
        ("POD_LOGS", "logs", "be a path that begins with /"),
        ("PROC", "/no/such", "be an existing folder"),
        ("PROC", "/etc/hostname", "be an existing folder"),
        ("DETAIL", "nvlink,links", "be any of nvlink, tensor, separated by commas"),
        ("HOST_PID", "maybe", "be auto, true or false"),
        ("KUBE_API", "k8s:6443", "be in-cluster or a URL"),
        ("KUBE_API", "k8s", "be in-cluster or a URL"),
        ("KUBE_API", "ftp://k8s", "be in-cluster or a URL"),
        ("KUBE_API", "https://", "be in-cluster or a URL"),
        ("KUBE_API", "https://k8s:", "be in-cluster or a URL"),
        ("KUBE_API", "https://k8s:https", "with a port of 1 to 65535"),
        ("KUBE_API", "https://k8s:0", "with a port of 1 to 65535"),
        ("KUBE_API", "https://k8s:65536", "with a port of 1 to 65535"),
        ("KUBE_API", "https://k8s:-1", "with a port of 1 to 65535"),
        ("KUBE_API", "https://[::1", "be in-cluster or a URL"),
        ("KUBE_API", "https://k8s/?a=b", "be in-cluster or a URL"),
        ("KUBE_API", "https://k8s /", "be in-cluster or a URL"),
        ("KUBE_TOKEN", "/no/such", "be an existing file"),
        ("KUBE_CA", "/etc", "be an existing file"),
        ("JOB_MAP", "jobs", "be a path that begins with /"),
        ("INTERVAL", "nan", "be 0.1 to 10 seconds"),
        ("INTERVAL", "-1", "be 0.1 to 10 seconds"),
        ("INTERVAL", "1s", "be 0.1 to 10 seconds"),
        ("INTERVAL", "inf", "be 0.1 to 10 seconds"),
        ("DCGM", "on", "be none, legacy, current or both"),
        ("DCGM_ESTIMATE", "True", "be true or false"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(name: str, wrong: str, rule: str) -> None:
    variable = f"NEUROX_AGENT_{name}"
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"NEUROX_AGENT_NODE": "gpu-1", variable: wrong})
    assert str(refused.value).startswith(f"{variable} must be ")
    assert rule in str(refused.value)
    assert str(refused.value).endswith(f", not {wrong!r}")


def test_a_password_is_not_shown() -> None:
    url = "https://me:secret@k8s:6443"
    with pytest.raises(SettingsError, match=r"not 'https://\*\*\*@k8s:6443'"):
        Settings.from_env({"NEUROX_AGENT_NODE": "n", "NEUROX_AGENT_KUBE_API": url})


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "NEUROX_AGENT_NODE is not set: give the name"),
        ({"NEUROX_AGENT_KUBE_API": "in-cluster"}, "KUBERNETES_SERVICE_PORT are not set"),
    ],
)
def test_what_is_missing_is_named(env: dict[str, str], said: str) -> None:
    node = {"NEUROX_AGENT_NODE": "n"} if env else {}
    with pytest.raises(SettingsError, match=said):
        Settings.from_env({**node, **env})


@pytest.mark.parametrize("url", ["http://k8s", "HTTPS://10.0.0.1:6443/a/b/", "https://[fd00::1]:1"])
def test_a_url_of_an_api_server_is_taken(url: str) -> None:
    given = {"NEUROX_AGENT_NODE": "n", "NEUROX_AGENT_KUBE_API": url}
    assert Settings.from_env(given).kube_api == url


def test_an_empty_variable_is_as_good_as_none() -> None:
    empty = {name: "" for name in VARIABLES}
    assert Settings.from_env({**empty, "NEUROX_AGENT_NODE": "n"}).port == 9479


def test_the_documentation_says_of_each_variable_what_the_code_does() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/settings.md").read_text()
    for name, variable in VARIABLES.items():
        default = f"; default `{variable.default}`" if variable.default else ""
        assert f"| `{name}` | {variable.help}{default} |" in page
