"""The agent without the rest of Neurox."""

from pathlib import Path
from typing import Any

import pytest

from infra.local.monitoring import LIMITS

CHART = str(Path(__file__).parents[2] / "charts" / "neurox-workload")
OWN = {
    "Namespace",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Service",
    "DaemonSet",
    "NetworkPolicy",
}


def alone(render: Any, **agent: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = render("neurox-workload", {"agentOnly": True, "agent": agent})
    return found


def monitor(render: Any, **values: Any) -> dict[str, Any]:
    """The spec of the ServiceMonitor."""
    objects = alone(render, serviceMonitor={"enabled": True, **values})
    (found,) = (each for each in objects if each["kind"] == "ServiceMonitor")
    spec: dict[str, Any] = found["spec"]
    return spec


def test_a_prometheus_of_yours_has_the_limits_of_ours(render: Any) -> None:
    found = monitor(render)
    assert (found["sampleLimit"], found["bodySizeLimit"]) == (LIMITS["sample_limit"], "8MB")
    assert found["labelNameLengthLimit"] == LIMITS["label_name_length_limit"]
    assert found["labelValueLengthLimit"] == LIMITS["label_value_length_limit"]
    (endpoint,) = found["endpoints"]
    assert endpoint["honorTimestamps"] is endpoint["followRedirects"] is False


@pytest.mark.parametrize("version", ["1.32", "1.37"])
def test_nothing_but_the_agent_is_installed(render: Any, version: str) -> None:
    objects = render("neurox-workload", {"agentOnly": True}, kubernetes=version)
    assert sorted(each["kind"] for each in objects) == sorted(OWN)
    kept = {each["metadata"]["name"] for each in objects} - {"neurox-system-agent"}
    assert kept == {"neurox-agent"}


def test_it_is_the_same_agent_as_in_a_workload_plane(render: Any) -> None:
    """So that joining a control plane later changes nothing of it."""

    def agents(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each for each in objects if each["kind"] in OWN - {"NetworkPolicy"} and own(each)]

    def own(each: dict[str, Any]) -> bool:
        return bool(each["metadata"]["name"] in ("neurox-agent", "neurox-system-agent"))

    assert agents(alone(render)) == agents(render("neurox-workload", {}))


def test_its_namespace_alone_allows_privileged_pods(render: Any) -> None:
    (made,) = (each for each in alone(render) if each["kind"] == "Namespace")
    levels = {key: value for key, value in made["metadata"]["labels"].items() if "pod-sec" in key}
    assert levels == {"pod-security.kubernetes.io/enforce": "privileged"}
    kinds = {each["kind"] for each in alone(render, namespace="gpu-agents")}
    assert "Namespace" not in kinds


def test_a_service_leads_to_every_agent(render: Any) -> None:
    kinds = {each["kind"]: each for each in alone(render, port=9999)}
    service, pods = kinds["Service"]["spec"], kinds["DaemonSet"]["spec"]["template"]
    assert service["clusterIP"] == "None"
    assert service["selector"].items() <= pods["metadata"]["labels"].items()
    (port,) = pods["spec"]["containers"][0]["ports"]
    assert service["ports"] == [{"name": "metrics", "port": 9999, "targetPort": port["name"]}]
    assert port["containerPort"] == 9999


def test_a_service_monitor_is_made_when_it_is_asked_for(render: Any) -> None:
    assert "ServiceMonitor" not in {each["kind"] for each in alone(render)}
    objects = alone(render, serviceMonitor={"enabled": True, "labels": {"release": "p"}})
    (made,) = (each for each in objects if each["kind"] == "ServiceMonitor")
    (service,) = (each for each in objects if each["kind"] == "Service")
    assert made["apiVersion"] == "monitoring.coreos.com/v1"
    assert made["metadata"]["labels"]["release"] == "p"
    assert made["metadata"]["namespace"] == service["metadata"]["namespace"]
    chosen = made["spec"]["selector"]["matchLabels"]
    assert chosen.items() <= service["metadata"]["labels"].items()
    (endpoint,) = made["spec"]["endpoints"]
    assert endpoint["port"] == service["spec"]["ports"][0]["name"]
    assert (endpoint["path"], endpoint["honorLabels"]) == ("/metrics", True)
    assert {each["targetLabel"] for each in endpoint["relabelings"]} == {"node", "instance"}


def test_a_scrape_ends_before_the_next_one(render: Any) -> None:
    for seconds, limit in ((15, 5), (3, 3)):
        (endpoint,) = monitor(render, intervalSeconds=seconds)["endpoints"]
        assert endpoint["interval"] == f"{seconds}s"
        assert endpoint["scrapeTimeout"] == f"{limit}s"


def test_the_names_of_dcgm_are_scraped_by_a_path_of_their_own(render: Any) -> None:
    endpoints = monitor(render, dcgm=True, honorLabels=False)["endpoints"]
    assert [(e["path"], e["honorLabels"]) for e in endpoints] == [
        ("/metrics", False),
        ("/dcgm/metrics", False),
    ]
    endpoints = monitor(render, dcgm=True, dcgmHonorLabels=True)["endpoints"]
    assert [e["honorLabels"] for e in endpoints] == [True, True]


def test_its_pods_carry_labels_and_annotations_of_yours(render: Any) -> None:
    marks = {"labels": {"team": "gpus"}, "annotations": {"prometheus.io/scrape": "true"}}
    (daemons,) = (each for each in alone(render, **marks) if each["kind"] == "DaemonSet")
    metadata = daemons["spec"]["template"]["metadata"]
    assert metadata["annotations"] == {"prometheus.io/scrape": "true"}
    assert metadata["labels"]["team"] == "gpus"
    assert "team" not in daemons["spec"]["selector"]["matchLabels"]


def test_without_the_agent_nothing_is_left_to_install(helm: Any) -> None:
    done = helm("template", "a", CHART, values={"agentOnly": True, "agent": {"enabled": False}})
    assert done.returncode == 1
    assert "agentOnly=true and agent.enabled=false: nothing would be installed" in done.stderr


@pytest.mark.parametrize(
    ("values", "said", "unsaid"),
    [
        ({"agentOnly": True}, "runs alone, in default-agent", "neurox-join"),
        ({"agentOnly": True}, "networkPolicy.scrapers", "agent.privileged"),
        (
            {"agentOnly": True, "agent": {"serviceMonitor": {"enabled": True}}},
            "serviceMonitorSelector",
            "prometheus\\\\.io/scrape",
        ),
        ({"agent": {"driver": "hostPath"}}, "agent.privileged=true", "runs alone"),
        ({}, "neurox-join", "runs alone"),
    ],
)
def test_notes_say_what_comes_next(
    helm: Any, values: dict[str, Any], said: str, unsaid: str
) -> None:
    done = helm("install", "a", CHART, "--dry-run=client", values=values)
    notes = done.stdout.partition("\nNOTES:\n")[2]
    assert said in notes
    assert unsaid not in notes
