"""Several pods of the relay: they find each other, and go apart."""

from typing import Any

import pytest


def named(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The one object of that kind and name."""
    (found,) = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found


def test_relay_servers_find_each_other_behind_a_headless_service(render: Any) -> None:
    objects = render("neurox", {"relayServer": {"replicas": 3}}, release="n")
    deployment = named(objects, "Deployment", "n-relay-server")["spec"]
    assert deployment["replicas"] == 3
    pod = deployment["template"]["spec"]
    assert pod["topologySpreadConstraints"][0]["topologyKey"] == "kubernetes.io/hostname"
    env = {each["name"]: each for each in pod["containers"][0]["env"]}
    host, _, port = env["NEUROX_RELAY_PEERS"]["value"].partition(":")
    service = named(objects, "Service", host)["spec"]
    assert service["clusterIP"] == "None"
    assert service["selector"] == deployment["selector"]["matchLabels"]
    assert {str(each["port"]) for each in service["ports"]} == {port}
    assert env["NEUROX_RELAY_ADVERTISE"]["value"] == f"$(POD_IP):{port}"
    assert list(env).index("POD_IP") < list(env).index("NEUROX_RELAY_ADVERTISE")
    assert env["NEUROX_RELAY_REPLICA"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"


def test_two_relay_servers_are_the_default(render: Any) -> None:
    deployment = named(render("neurox", {}, release="n"), "Deployment", "n-relay-server")
    assert deployment["spec"]["replicas"] == 2
    budget = named(render("neurox", {}, release="n"), "PodDisruptionBudget", "n-relay-server")
    assert budget["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize(("replicas", "apart"), [(1, False), (2, True)])
def test_relay_clients_go_apart_when_there_are_several(
    render: Any, replicas: int, apart: bool
) -> None:
    objects = render("neurox-workload", {"relayClient": {"replicas": replicas}})
    deployment = named(objects, "Deployment", "neurox-relay-client")["spec"]
    assert deployment["replicas"] == replicas
    assert ("topologySpreadConstraints" in deployment["template"]["spec"]) is apart
    assert named(objects, "PodDisruptionBudget", "neurox-relay-client")
