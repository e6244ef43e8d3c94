"""What must be true of every object that the charts render, under every set of values."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.value_sets import SETS

Objects = list[dict[str, Any]]

STORES = {"redis", "thanos-receive"}
"""One of each, which an upgrade stops only if it must; a throttled write would hold up all."""


@pytest.fixture(params=SETS)
def objects(request: pytest.FixtureRequest, render: Any) -> Objects:
    """What one set of values renders."""
    chart, values = SETS[request.param]
    found: Objects = render(chart, values)
    return found


def pods(objects: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and spec of everything that runs."""
    for each in objects:
        name = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] == "Pod":
            yield name, each["spec"]
        elif "template" in each.get("spec", {}):
            yield name, each["spec"]["template"]["spec"]


def containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that run first, too."""
    return [*spec.get("initContainers", []), *spec["containers"]]


def test_every_pod_is_restricted_but_the_agent(objects: Objects) -> None:
    for name, spec in pods(objects):
        security = spec["securityContext"]
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        agent = name == "DaemonSet/neurox-agent"
        assert agent or security["runAsNonRoot"] is True, name
        assert agent or not spec.get("hostPID"), name
        for volume in spec.get("volumes", []):
            assert agent or "hostPath" not in volume, name
        for container in containers(spec):
            assert container["securityContext"].get("runAsUser", security.get("runAsUser")) == (
                0 if agent else 65532
            )
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
            added = {"add": ["NET_BIND_SERVICE"]} if container["name"] == "edge" else {}
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], **added}, name


def test_the_agent_runs_in_a_namespace_of_its_own(objects: Objects) -> None:
    for each in objects:
        if each["kind"] == "DaemonSet":
            assert each["metadata"]["namespace"] != "neurox-system"


def test_every_container_asks_for_what_it_needs_and_no_more(objects: Objects) -> None:
    for name, spec in pods(objects):
        for container in containers(spec):
            resources = container["resources"]
            assert {"cpu", "memory"} <= set(resources["requests"]), name
            limited = {"memory"} if container["name"] in STORES else {"cpu", "memory"}
            assert limited <= set(resources["limits"]), name


def test_a_container_that_ends_shows_its_last_words(objects: Objects) -> None:
    for name, spec in pods(objects):
        for container in containers(spec):
            if container["name"] in STORES:
                continue
            assert container["terminationMessagePolicy"] == "FallbackToLogsOnError", name


ALONE = {"portal", "edge", "redis"}
"""They serve without anybody else's help: ready is alive, only asked more often."""


def test_ready_is_not_alive(objects: Objects) -> None:
    for name, spec in pods([each for each in objects if each["kind"] != "Pod"]):
        for container in spec["containers"]:
            ready, live = container["readinessProbe"], container["livenessProbe"]
            assert ready["periodSeconds"] < live["periodSeconds"], name
            # A minute and more: who is slow is not killed for it.
            assert live["periodSeconds"] * live["failureThreshold"] >= 60, name
            if container["name"] in ALONE:
                assert path(ready) == path(live), name
            else:
                assert path(ready).endswith(("/readyz", "/-/ready")), name
                assert path(live).endswith(("/healthz", "/-/healthy")), name
            assert path(container.get("startupProbe", live)) == path(live), name


def path(probe: dict[str, Any]) -> str:
    """What it asks for; nothing when it only connects."""
    return str(probe.get("httpGet", {}).get("path", ""))


def test_a_token_is_mounted_only_where_the_api_server_is_asked(objects: Objects) -> None:
    asking = {"neurox-workload-manager", "neurox-relay-client", "neurox-prometheus"}
    for name, spec in pods(objects):
        mounted = spec["automountServiceAccountToken"]
        assert mounted is (name.rpartition("/")[2] in asking), name


def test_no_image_floats(objects: Objects) -> None:
    for name, spec in pods(objects):
        for container in containers(spec):
            tag = container["image"].rpartition(":")[2]
            assert "/" not in tag, name
            assert tag not in ("", "latest"), name


def test_no_secret_is_rendered(objects: Objects) -> None:
    for each in objects:
        if each["kind"] == "Secret":
            assert not each.get("data"), each["metadata"]["name"]
            assert not each.get("stringData"), each["metadata"]["name"]
    for name, spec in pods(objects):
        for container in containers(spec):
            for variable in container.get("env", []):
                assert "secretKeyRef" not in variable.get("valueFrom", {}), name
                assert not re.search(r"//[^/]*:[^/]*@", variable.get("value", "")), name


def test_no_right_has_a_wildcard_and_secrets_are_named(objects: Objects) -> None:
    for each in objects:
        if each["kind"] not in ("Role", "ClusterRole"):
            continue
        for rule in each["rules"]:
            assert "*" not in json.dumps(rule), each["metadata"]["name"]
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
            if "secrets" in rule["resources"]:
                assert rule["resourceNames"], each["metadata"]["name"]
                assert not {"list", "watch", "create", "delete"} & set(rule["verbs"])


def test_every_workload_has_a_budget_and_a_policy_unless_told_otherwise(
    objects: Objects, request: pytest.FixtureRequest
) -> None:
    running = [each for each in objects if each["kind"] in ("Deployment", "StatefulSet")]
    budgets = selectors(objects, "PodDisruptionBudget", "selector")
    policies = selectors(objects, "NetworkPolicy", "podSelector")
    walled = "-large" not in request.node.name and "[large" not in request.node.name
    for each in running:
        component = each["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]
        assert component in budgets, component
        assert (component in policies) is walled, component


def selectors(objects: Objects, kind: str, key: str) -> set[str]:
    """The components that objects of a kind select."""
    return {
        each["spec"][key]["matchLabels"]["app.kubernetes.io/component"]
        for each in objects
        if each["kind"] == kind
    }


def test_every_name_is_short_enough_and_in_its_namespace(objects: Objects) -> None:
    for each in objects:
        assert len(each["metadata"]["name"]) <= 63, each["metadata"]["name"]


@pytest.mark.parametrize("name", SETS)
def test_rendering_twice_gives_the_same_bytes(helm: Any, name: str) -> None:
    chart, values = SETS[name]
    folder = Path(__file__).parents[2] / "charts" / chart
    first, again = (helm("template", "a", str(folder), values=values) for _ in range(2))
    assert first.stdout
    assert first.stdout == again.stdout


DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
STATEFUL_SET = 52
"""Its pods carry its name, with a hash, in a label."""


@pytest.mark.parametrize("chart", ["neurox", "neurox-workload"])
@pytest.mark.parametrize("release", ["a" * 53, "a.b", "a" * 36 + "-" + "b" * 16])
def test_a_release_name_of_53_characters_fits(render: Any, chart: str, release: str) -> None:
    values = {"workload": {"enabled": True}} if chart == "neurox" else {}
    objects: Objects = render(chart, values, release=release)
    keys = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(keys) == len(set(keys))
    for kind, name in keys:
        assert DNS_LABEL.fullmatch(name), name
        assert kind != "StatefulSet" or len(name) <= STATEFUL_SET, name


def test_the_agents_namespace_is_short_enough_for_any_release(helm: Any) -> None:
    folder = str(Path(__file__).parents[2] / "charts" / "neurox-workload")
    done = helm("template", "a", folder, "--namespace", "n" * 63)
    made = [each for each in yaml.safe_load_all(done.stdout) if each]
    (namespace,) = (each["metadata"]["name"] for each in made if each["kind"] == "Namespace")
    assert namespace == "n" * 57 + "-agent"
