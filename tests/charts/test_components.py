"""What infra.components works out by itself is what the chart renders."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.components.address import generated_ca, public_url
from infra.components.names import object_name
from infra.components.values import from_file, merged

PLAIN = {
    "nothing": {},
    "node port": {"host": "n.example.com"},
    "another node port": {"host": "n.example.com", "edge": {"nodePort": 31000}},
    "load balancer": {"host": "n.example.com", "edge": {"service": "LoadBalancer"}},
    "certificate": {"host": "n.example.com", "edge": {"existingSecret": "tls"}},
    "acme": {
        "host": "n.example.com",
        "edge": {"service": "LoadBalancer", "acmeEmail": "you@example.com"},
    },
    "ingress": {"type": "ingress", "host": "n.example.com"},
    "none": {"type": "none", "host": "n.example.com"},
}
PROJECT = Path(__file__).parents[2] / "pulumi"
LONG = f"a{'b' * 38}-release"


@pytest.mark.parametrize("name", PLAIN)
def test_the_address_and_the_ca_are_the_charts(render: Any, name: str) -> None:
    expose = PLAIN[name]
    objects = render("neurox", {"expose": expose}, release=LONG)
    (api,) = (
        each["spec"]["template"]["spec"]["containers"][0]
        for each in objects
        if each["kind"] == "Deployment" and each["metadata"]["name"] == object_name(LONG, "api")
    )
    env = {each["name"]: each.get("value") for each in api["env"]}
    assert env["NEUROX_PUBLIC_URL"] == public_url(expose)
    maps = {each["metadata"]["name"]: each for each in objects if each["kind"] == "ConfigMap"}
    assert (object_name(LONG, "ca") in maps) == generated_ca(expose)
    assert "data" not in maps.get(object_name(LONG, "ca"), {}), "applied again, it stays filled"


@pytest.mark.parametrize("example", sorted(PROJECT.glob("Pulumi.*.example.yaml")))
def test_the_charts_take_the_values_of_every_example(render: Any, example: Path) -> None:
    given = {
        key.removeprefix("neurox:"): value
        for key, value in yaml.safe_load(example.read_text())["config"].items()
    }
    edge = {"service": given.get("service", "NodePort")}
    own = {"expose": {"host": given["host"], "edge": edge}}
    for chart, key, base in (
        ("neurox", "valuesFile", own),
        ("neurox-workload", "workloadValuesFile", {}),
    ):
        file = str(PROJECT / given[key]) if key in given else ""
        assert render(chart, merged(base, from_file(key, file)))


@pytest.mark.parametrize("chart", ["neurox", "neurox-workload"])
def test_a_release_may_have_a_number_for_a_name(render: Any, chart: str) -> None:
    made = render(chart, {}, "123")
    labels = [each["metadata"].get("labels", {}) for each in made if each["kind"] == "Deployment"]
    assert {each["app.kubernetes.io/instance"] for each in labels} == {"123"}


def test_certificates_of_acme_outlive_a_pod(render: Any) -> None:
    """Let's Encrypt gives one name a few of them a week."""
    expose = {"host": "a.b", "edge": {"service": "LoadBalancer", "acmeEmail": "you@b.c"}}
    made = {each["kind"]: each for each in render("neurox", {"expose": expose}) if is_edge(each)}
    claim = made["PersistentVolumeClaim"]["metadata"]
    assert claim["annotations"] == {"helm.sh/resource-policy": "keep"}
    volumes = made["Deployment"]["spec"]["template"]["spec"]["volumes"]
    assert {"claimName": claim["name"]} in [each.get("persistentVolumeClaim") for each in volumes]
    assert made["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    assert not [each for each in render() if each["kind"] == "PersistentVolumeClaim"]


def is_edge(made: dict[str, Any]) -> bool:
    return bool(made["metadata"]["name"] == "neurox-edge")
