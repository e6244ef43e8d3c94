"""While the control plane moves, it answers to both hosts, and tells clusters of both CAs."""

from typing import Any

import pytest

NEW, OLD = "new.example", "old.example"


def server(objects: list[dict[str, Any]]) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The relay-server's environment, and its volumes."""
    (pod,) = (
        each["spec"]["template"]["spec"]
        for each in objects
        if each["kind"] == "Deployment" and each["metadata"]["name"].endswith("relay-server")
    )
    env = {each["name"]: each.get("value", "") for each in pod["containers"][0]["env"]}
    return env, pod["volumes"]


def test_clusters_are_told_of_both_addresses_at_the_port_of_the_edge(render: Any) -> None:
    objects = render("neurox", {"expose": {"host": NEW, "formerHosts": [OLD]}})
    env, volumes = server(objects)
    assert env["NEUROX_RELAY_PUBLIC_URL"] == f"https://{NEW}:30443"
    assert env["NEUROX_RELAY_FORMER_URLS"] == f"https://{OLD}:30443"
    assert env["NEUROX_RELAY_CA_FILE"] == "/etc/neurox/ca/ca.crt"
    assert "ca" in [volume["name"] for volume in volumes]
    (caddyfile,) = (
        each["data"]["Caddyfile"] for each in objects if "Caddyfile" in each.get("data", {})
    )
    assert f"https://{NEW}:8443, https://{OLD}:8443" in caddyfile


def test_another_ca_is_told_beside_that_of_the_edge_and_its_key_is_not_mounted(render: Any) -> None:
    env, volumes = server(render("neurox", {"expose": {"host": NEW, "caSecret": "next"}}))
    assert env["NEUROX_RELAY_CA_FILE"] == "/etc/neurox/ca/ca.crt,/etc/neurox/ca/more.crt"
    (sources,) = (each["projected"]["sources"] for each in volumes if each["name"] == "ca")
    assert [each["secret"]["name"] for each in sources] == ["neurox-edge", "next"]
    keys = [item["key"] for each in sources for item in each["secret"]["items"]]
    assert keys == ["ca.crt", "ca.crt"]


@pytest.mark.parametrize("kind", ["Ingress", "HTTPRoute"])
def test_other_ways_in_answer_to_both(render: Any, kind: str) -> None:
    expose = {
        "type": {"Ingress": "ingress", "HTTPRoute": "httpRoute"}[kind],
        "host": NEW,
        "formerHosts": [OLD],
        "httpRoute": {"parentRefs": [{"name": "g"}]},
    }
    (way,) = (each for each in render("neurox", {"expose": expose}) if each["kind"] == kind)
    spec = way["spec"]
    found = spec.get("hostnames") or [rule["host"] for rule in spec["rules"]]
    assert found == [NEW, OLD]


def test_without_a_host_there_is_nowhere_to_move_to(helm: Any, render: Any) -> None:
    env, _ = server(render("neurox", {}))
    assert not [name for name in env if "PUBLIC_URL" in name or "CA_FILE" in name]
    refused = helm("template", "charts/neurox", values={"expose": {"formerHosts": [OLD]}})
    assert "expose.formerHosts needs expose.host" in refused.stderr
