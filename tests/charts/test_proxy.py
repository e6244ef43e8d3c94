"""The proxy of a cluster that has no other way out."""

from typing import Any

import pytest


def client(render: Any, proxy: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """The relay-client's environment, and its volumes."""
    (pod,) = (
        each["spec"]["template"]["spec"]
        for each in render("neurox-workload", {"relayClient": {"proxy": proxy}})
        if each["kind"] == "Deployment" and "relay-client" in each["metadata"]["name"]
    )
    env = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    return env, [each["name"] for each in pod["volumes"]]


def test_without_one_nothing_is_set(render: Any) -> None:
    env, volumes = client(render, {})
    assert not [name for name in env if "PROXY" in name]
    assert volumes == ["join"]


def test_it_is_named_as_everywhere(render: Any) -> None:
    env, _ = client(render, {"https": "http://proxy.corp:3128", "noProxy": ".corp,10.0.0.0/8"})
    assert (env["HTTPS_PROXY"], env["NO_PROXY"]) == ("http://proxy.corp:3128", ".corp,10.0.0.0/8")


def test_a_password_stays_in_its_secret(render: Any) -> None:
    env, volumes = client(render, {"existingSecret": "neurox-proxy"})
    assert env["NEUROX_RELAY_PROXY_FILE"] == "/etc/neurox/proxy/https"
    assert volumes == ["join", "proxy"]


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ({"https": "http://eve:secret@proxy.corp:3128"}, "relayClient/proxy/https"),
        ({"https": "socks5://proxy.corp:1080"}, "relayClient/proxy/https"),
        ({"https": "http://p:1", "existingSecret": "p"}, "comes from one of them"),
    ],
)
def test_what_cannot_be_used_is_refused(helm: Any, proxy: dict[str, str], words: str) -> None:
    values = {"relayClient": {"proxy": proxy}}
    refused = helm("template", "charts/neurox-workload", values=values)
    assert refused.returncode != 0
    assert words in refused.stderr
