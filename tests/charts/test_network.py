"""Who may talk to whom, worked out of the rendered NetworkPolicies as a network plugin does."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.charts.value_sets import SETS

Objects = list[dict[str, Any]]
COMPONENT = "app.kubernetes.io/component"
UNUSED = {("auth", "thanos-query")}
"""Told, for api and auth share their settings, and never asked."""
KEPT = {"thanos": {"objectStorage": {"existingSecret": "bucket"}}}
CONTROL = """
    edge             portal           8080
    edge             api              8080
    edge             auth             8080
    edge             relay-server     8444
    portal           api              8080
    control-manager  relay-server     8445
    relay-server     relay-server     8445
    api              redis            6379
    auth             redis            6379
    control-manager  redis            6379
    relay-server     redis            6379
    api              thanos-query     10902
    control-manager  thanos-query     10902
    relay-server     thanos-receive   19291
    thanos-query     thanos-receive   10901
    thanos-query     thanos-store     10901
    test             edge             8443
    test             thanos-query     10902
    test             thanos-receive   19291
"""
WORKLOAD = """
    relay-client     workload-manager 8090
    prometheus       relay-client     8091
    workload-test    relay-client     8091
    prometheus       agent            9479
"""


@dataclass(frozen=True)
class Pod:
    """A running thing as policies see it, the ports that it listens on, all it is told."""

    name: str
    namespace: str
    labels: dict[str, str]
    ports: dict[str, int]
    told: str


def pods(objects: Objects) -> Iterator[Pod]:
    """Everything that runs; what a pod is told includes its ConfigMaps."""
    configs = {o["metadata"]["name"]: str(o) for o in objects if o["kind"] == "ConfigMap"}
    for each in objects:
        is_pod = each["kind"] == "Pod"
        template = each if is_pod else each.get("spec", {}).get("template", {})
        if "containers" not in template.get("spec", {}):
            continue
        spec, labels = template["spec"], template["metadata"]["labels"]
        ports = {
            p["name"]: p["containerPort"] for c in spec["containers"] for p in c.get("ports", [])
        }
        named = {v["configMap"]["name"] for v in spec.get("volumes", []) if "configMap" in v}
        told = str(spec) + "".join(configs.get(name, "") for name in named)
        yield Pod(labels[COMPONENT], each["metadata"]["namespace"], labels, ports, told)


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items()


def concerns(peer: dict[str, Any], policy: dict[str, Any], pod: Pod) -> bool:
    """Whether a peer of a rule stands for the pod."""
    if "ipBlock" in peer:
        return True  # only whole address families are rendered; see below
    own = policy["metadata"]["namespace"]
    spaces = {"kubernetes.io/metadata.name": pod.namespace}
    if "namespaceSelector" in peer:
        there = matches(peer["namespaceSelector"], spaces)
    else:
        there = pod.namespace == own
    return there and matches(peer.get("podSelector", {}), pod.labels)


def allowed(objects: Objects, way: str, pod: Pod, other: Pod | None, port: int) -> bool:
    """Whether policies let ``pod`` take (Ingress) or make (Egress) a connection; None: outside."""
    policies = [
        each
        for each in objects
        if each["kind"] == "NetworkPolicy"
        and each["metadata"]["namespace"] == pod.namespace
        and matches(each["spec"]["podSelector"], pod.labels)
        and way in each["spec"]["policyTypes"]
    ]
    if not policies:
        return True
    peers = "from" if way == "Ingress" else "to"
    for policy in policies:
        for rule in policy["spec"].get(way.lower()) or []:
            if rule.get("ports") and port not in {p["port"] for p in rule["ports"]}:
                continue
            if peers not in rule:
                return True
            if other is None and any("ipBlock" in peer for peer in rule[peers]):
                return True
            if other is not None and any(concerns(p, policy, other) for p in rule[peers]):
                return True
    return False


def edges(objects: Objects) -> set[tuple[str, str, int]]:
    """Every connection that both of its ends may have; of one with itself: with a copy of it."""
    running = list(pods(objects))
    return {
        (source.name, sink.name, port)
        for source in running
        for sink in running
        for port in sink.ports.values()
        if allowed(objects, "Egress", source, sink, port)
        and allowed(objects, "Ingress", sink, source, port)
    }


def reachable(objects: Objects) -> set[tuple[str, int]]:
    """What anybody at all may connect to."""
    return {
        (pod.name, port)
        for pod in pods(objects)
        for port in pod.ports.values()
        if allowed(objects, "Ingress", pod, None, port)
    }


def far(objects: Objects, port: int) -> set[str]:
    """Who may connect to anything in the world at that port."""
    return {pod.name for pod in pods(objects) if allowed(objects, "Egress", pod, None, port)}


def table(text: str) -> set[tuple[str, str, int]]:
    rows = (line.split() for line in text.strip().splitlines())
    return {(source, sink, int(port)) for source, sink, port in rows}


def from_anywhere(found: set[tuple[str, str, int]], doors: set[tuple[str, int]]) -> Any:
    """The edges but those to doors that are open to everybody anyhow."""
    return {edge for edge in found if edge[1:] not in doors}


def test_the_matrix_is_the_one_that_is_meant(render: Any) -> None:
    objects = render("neurox", {**KEPT, "workload": {"enabled": True}})
    doors = reachable(objects)
    assert doors == {("edge", 8443)}
    meant = table(CONTROL) | table(WORKLOAD)
    assert from_anywhere(edges(objects), doors) == from_anywhere(meant, doors)
    bucket = {"thanos-receive", "thanos-store", "thanos-compact"}
    assert far(objects, 9000) == bucket | {"relay-client"}
    asking = {"portal", "prometheus", "workload-manager", "agent"}
    assert far(objects, 443) == far(objects, 6443) == far(objects, 9000) | asking
    # The agent does not even ask for names.
    assert far(objects, 53) == {pod.name for pod in pods(objects)} - {"agent"}


def test_the_api_server_may_listen_elsewhere(render: Any) -> None:
    ports = {"networkPolicy": {"apiServerPorts": [16443]}}
    objects = render("neurox", {**ports, "workload": {"enabled": True, **ports}})
    asking = {"portal", "prometheus", "workload-manager", "agent"}
    assert far(objects, 16443) - far(objects, 443) == asking


SCRAPER = Pod("p", "monitoring", {"app.kubernetes.io/name": "prometheus"}, {}, "")
OTHER = Pod("g", "monitoring", {"app.kubernetes.io/name": "grafana"}, {}, "")
ALLOY = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "alloy"}}}


@pytest.mark.parametrize(
    ("values", "may"),
    [
        ({}, False),
        ({"agentOnly": True}, True),
        ({"agentOnly": True, "networkPolicy": {"scrapers": [ALLOY]}}, False),
        ({"networkPolicy": {"scrapers": [{"namespaceSelector": {}}]}}, True),
    ],
)
def test_your_prometheus_may_scrape_an_agent_alone_and_others_that_you_name(
    render: Any, values: dict[str, Any], may: bool
) -> None:
    objects = render("neurox-workload", values)
    (agent,) = (pod for pod in pods(objects) if pod.name == "agent")
    assert allowed(objects, "Ingress", agent, SCRAPER, 9479) is may
    assert not allowed(objects, "Ingress", agent, SCRAPER, 22)
    named = "namespaceSelector" in str(values)
    assert allowed(objects, "Ingress", agent, OTHER, 9479) is named


@pytest.mark.parametrize(
    "expose",
    [
        {"type": "ingress", "host": "a.example"},
        {"type": "none", "host": "a.example"},
    ],
)
def test_without_our_edge_the_four_doors_are_open_and_nothing_else(
    render: Any, expose: dict[str, str]
) -> None:
    doors = {("portal", 8080), ("api", 8080), ("auth", 8080), ("relay-server", 8444)}
    assert reachable(render("neurox", {"expose": expose})) == doors


def test_who_uses_your_own_stores_may_go_to_them_and_nobody_else_anywhere(render: Any) -> None:
    redis = {"enabled": False, "url": "redis://r.example:6379/0"}
    thanos = {"enabled": False, "queryUrl": "http://q.example", "receiveUrl": "http://w.example"}
    assert far(render("neurox"), 6379) == set()
    own = {"api", "auth", "control-manager", "relay-server"}
    assert far(render("neurox", {"redis": redis}), 6379) == own
    assert far(render("neurox", {"thanos": thanos}), 9009) == own - {"auth"}


@pytest.mark.parametrize("name", SETS)
def test_nobody_is_told_of_an_address_that_policies_keep_from_it(render: Any, name: str) -> None:
    chart, values = SETS[name]
    objects = render(chart, values)
    services = {each["metadata"]["name"]: each for each in objects if each["kind"] == "Service"}
    running = {pod.name: pod for pod in pods(objects)}
    told = 0
    for pod in running.values():
        for host, port in set(re.findall(r"\b(neurox-[a-z-]+):(\d+)", pod.told)):
            service = services[host]["spec"]
            sink = running[service["selector"][COMPONENT]]
            if sink.name == pod.name or (pod.name, sink.name) in UNUSED:
                continue
            (to,) = (p["targetPort"] for p in service["ports"] if p["port"] == int(port))
            assert allowed(objects, "Egress", pod, sink, sink.ports[to]), (pod.name, host, port)
            assert allowed(objects, "Ingress", sink, pod, sink.ports[to]), (pod.name, host, port)
            told += 1
    assert told or values.get("agentOnly")


@pytest.mark.parametrize("name", SETS)
def test_what_no_rule_names_is_denied_to_every_pod(render: Any, name: str) -> None:
    chart, values = SETS[name]
    objects = render(chart, values)
    if values.get("networkPolicy", {}).get("enabled") is False:
        assert not [each for each in objects if each["kind"] == "NetworkPolicy"]
        return
    stranger = Pod("stranger", "elsewhere", {}, {}, "")
    for pod in pods(objects):
        assert not allowed(objects, "Ingress", pod, stranger, 1), pod.name
        policies = [
            each["spec"]
            for each in objects
            if each["kind"] == "NetworkPolicy"
            and each["metadata"]["namespace"] == pod.namespace
            and matches(each["spec"]["podSelector"], pod.labels)
        ]
        assert [set(spec["policyTypes"]) for spec in policies] == [{"Ingress", "Egress"}], pod.name
