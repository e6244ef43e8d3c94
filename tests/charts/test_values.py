"""Values: described, and refused by name when they make no sense."""

import configparser
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.charts import schema
from tests.charts.value_sets import SETS

CHARTS = Path(__file__).parents[2] / "charts"


@pytest.mark.parametrize("chart", schema.CHARTS)
def test_the_json_schema_is_made_from_the_yaml_one(chart: str) -> None:
    assert (CHARTS / chart / "values.schema.json").read_text() == schema.json_schema(chart)


def test_the_reference_is_made_from_the_schemas() -> None:
    assert schema.REFERENCE.read_text() == schema.reference()


@pytest.mark.parametrize("chart", schema.CHARTS)
def test_every_default_is_described_and_every_described_value_has_a_default(chart: str) -> None:
    described, values = schema.read(chart)
    leaves = {path for path, default, _ in schema.rows(described, values, described) if default}
    expected = {path for path, _ in _leaves(values, described)}
    assert leaves - {"enabled"} == expected


def _leaves(value: Any, described: Any, path: str = "") -> list[tuple[str, Any]]:
    groups = ("image", "images", "expose", "agent", "storage", "admin", "receive", "query", "join")
    groups += (
        "simulatedGpus",
        "priorityClass",
        "serviceMonitor",
        "objectStorage",
        "retention",
        "limits",
        "store",
        "compact",
        "proxy",
    )
    found = []
    for key, each in value.items():
        here = f"{path}{key}"
        deep = isinstance(each, dict) and (
            key in groups
            or key in described["properties"]
            or path.startswith(("images.", "expose."))
        )
        leaf = key in ("resources", "nodeSelector", "annotations") or not deep
        found += [(here, each)] if leaf else _leaves(each, described, f"{here}.")
    return found


SECRET = "not-to-be-written-here"
REFUSED = [
    ({"typo": 1}, "'typo'"),
    ({"image": {"tag": 1.1}}, "/image/tag"),
    ({"expose": {"host": "https://neurox.example"}}, "/expose/host"),
    ({"expose": {"host": "neurox.example:443"}}, "/expose/host"),
    ({"expose": {"type": "route"}}, "/expose/type"),
    ({"expose": {"type": "ingress"}}, "expose.host is empty"),
    ({"expose": {"type": "httpRoute", "host": "a.example"}}, "expose.httpRoute.parentRefs"),
    ({"expose": {"edge": {"nodePort": 80}}}, "/expose/edge/nodePort"),
    ({"expose": {"edge": {"acmeEmail": "a@b\n}"}}}, "/expose/edge/acmeEmail"),
    ({"expose": {"host": "a..b"}}, "/expose/host"),
    ({"expose": {"edge": {"acmeEmail": "a@b"}}}, "expose.edge.acmeEmail needs expose.host"),
    (
        {"expose": {"host": "a.b", "edge": {"acmeEmail": "a@b", "service": "NodePort"}}},
        "expose.edge.acmeEmail needs expose.host",
    ),
    (
        {"expose": {"host": "a.b", "edge": {"acmeEmail": "a@b", "existingSecret": "tls"}}},
        "expose.edge.acmeEmail and expose.edge.existingSecret are both set",
    ),
    ({"expose": {"edge": {"acmeEmail": 'a"@b'}}}, "/expose/edge/acmeEmail"),
    ({"expose": {"edge": {"acmeEmail": "a\\\\@b"}}}, "/expose/edge/acmeEmail"),
    ({"redis": {"url": "redis://host"}}, "redis.url or redis.tlsSecret is set"),
    ({"redis": {"tlsSecret": "ca"}}, "redis.url or redis.tlsSecret is set"),
    (
        {
            "thanos": {
                "enabled": False,
                "queryUrl": "http://q",
                "receiveUrl": "http://r",
                "objectStorage": {"existingSecret": "bucket"},
            }
        },
        "thanos.objectStorage.existingSecret is set",
    ),
    ({"redis": {"enabled": False}}, "redis.url is empty"),
    ({"redis": {"url": "redis://:password@host"}}, "/redis/url"),
    ({"redis": {"url": "redis+sentinel://a:26379"}}, "/redis/url"),
    (
        {"redis": {"enabled": False, "url": "redis://host", "tlsSecret": "ca"}},
        "redis.tlsSecret is set, but redis.url does not begin with rediss",
    ),
    ({"thanos": {"tenantHeader": "a b"}}, "/thanos/tenantHeader"),
    ({"thanos": {"enabled": False}}, "thanos.receiveUrl is empty"),
    ({"thanos": {"retention": "forever"}}, "/thanos/retention"),
    (
        {"thanos": {"objectStorage": {"retention": {"raw": "1d"}}}},
        "/thanos/objectStorage/retention/raw",
    ),
    ({"thanos": {"objectStorage": {"retention": {"fiveMinutes": "9d"}}}}, "/retention/fiveMinutes"),
    ({"api": {"replicas": 0}}, "/api/replicas"),
    ({"workload": {"enabled": True, "agent": {"port": 80}}}, "/agent/port"),
    (
        {"workload": {"enabled": True, "agent": {"priorityClass": {"create": True}}}},
        "names that begin with system- are Kubernetes' own",
    ),
    (
        {"workload": {"enabled": True}, "expose": {"type": "none"}},
        "expose.host is empty: with workload.enabled=true and expose.type=none",
    ),
    (
        {"workload": {"enabled": True}, "expose": {"edge": {"existingSecret": "a"}}},
        "expose.host is empty: with workload.enabled=true and expose.type=edge",
    ),
    (
        {"workload": {"enabled": True, "agentOnly": True}},
        "beside a control plane the whole workload plane is installed",
    ),
    ({"workload": {"enabled": True, "agent": {"driver": "CDI"}}}, "/agent/driver"),
    ({"workload": {"enabled": True, "agent": {"cdiDevice": "all"}}}, "/agent/cdiDevice"),
    ({"workload": {"enabled": True, "agent": {"dcgm": False}}}, "/agent/dcgm"),
    ({"workload": {"enabled": True, "agent": {"jobMap": "jobs"}}}, "/agent/jobMap"),
    (
        {"workload": {"enabled": True, "agent": {"labels": {"app.kubernetes.io/instance": "a"}}}},
        "agent.labels holds app.kubernetes.io/instance",
    ),
    (
        {
            "workload": {
                "enabled": True,
                "agent": {"dcgm": "none", "serviceMonitor": {"enabled": True, "dcgm": True}},
            }
        },
        "agent.serviceMonitor.dcgm=true and agent.dcgm=none",
    ),
    ({"workload": {"typo": 1}}, "'typo'"),
    ({"images": {"valkey": {"tag": 1.10}}}, "/images/valkey/tag"),
    ({"images": {"caddy": {"repository": ""}}}, "/images/caddy/repository"),
    ({"images": {"caddy": None}}, "missing property 'caddy'"),
    ({"expose": None}, "missing property 'expose'"),
    ({"api": {"replicas": "two"}}, "/api/replicas"),
    ({"expose": {"host": "Neurox.Example"}}, "/expose/host"),
    ({"expose": {"edge": {"existingSecret": "two words"}}}, "/expose/edge/existingSecret"),
    ({"expose": {"ingress": {"annotations": {"a": "x\ny: z"}}}}, "/expose/ingress/annotations/a"),
    ({"expose": {"ingress": {"annotations": {"a": "{{ b }}"}}}}, "/expose/ingress/annotations/a"),
    ({"expose": {"ingress": {"annotations": {"a": 1}}}}, "/expose/ingress/annotations/a"),
    ({"nodeSelector": {"tier": "{{ b }}"}}, "/nodeSelector/tier"),
    ({"nodeSelector": {"tier": True}}, "/nodeSelector/tier"),
    ({"thanos": {"storage": {"size": "4GB"}}}, "/thanos/storage/size"),
    ({"auth": {"admin": {"password": SECRET}}}, "'password'"),
    ({"redis": {"password": SECRET}}, "'password'"),
    ({"relayServer": {"token": SECRET}}, "'token'"),
    ({"workload": {"join": {"kubeconfig": SECRET}}}, "'kubeconfig'"),
]


@pytest.mark.parametrize(("values", "words"), REFUSED, ids=lambda v: str(v)[:50])
def test_a_value_that_makes_no_sense_is_refused_by_name(
    helm: Any, values: dict[str, Any], words: str
) -> None:
    done = helm("template", "a", str(CHARTS / "neurox"), values=values)
    assert done.returncode == 1
    assert any(words in line for line in done.stderr.splitlines())
    assert SECRET not in done.stderr


def test_a_quantity_may_be_a_number(render: Any) -> None:
    made = render("neurox", {"redis": {"resources": {"requests": {"cpu": 0.5}}}})
    (redis,) = (e for e in made if e["kind"] == "StatefulSet" and "redis" in e["metadata"]["name"])
    (container,) = redis["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["cpu"] == 0.5


def test_an_annotation_may_hold_json(render: Any) -> None:
    """As some controllers want it."""
    ports = '[{"HTTPS": {"port": 443}}]'
    ingress = {"annotations": {"listen-ports": ports}}
    expose = {"type": "ingress", "host": "neurox.example", "ingress": ingress}
    (made,) = (e for e in render("neurox", {"expose": expose}) if e["kind"] == "Ingress")
    assert made["metadata"]["annotations"] == {"listen-ports": ports}


def test_what_both_charts_define_they_define_alike() -> None:
    """The umbrella's schema holds the part's, whose definitions it would replace."""
    whole, part = (schema.read(chart)[0]["definitions"] for chart in schema.CHARTS)
    shared = whole.keys() & part.keys()
    assert shared
    assert {key: whole[key] for key in shared} == {key: part[key] for key in shared}


@pytest.mark.parametrize("name", SETS)
def test_the_chart_passes_a_strict_lint(helm: Any, name: str) -> None:
    chart, values = SETS[name]
    done = helm("lint", "--strict", str(CHARTS / chart), values=values)
    assert done.returncode == 0, done.stdout
    assert "1 chart(s) linted, 0 chart(s) failed" in done.stderr + done.stdout


@pytest.mark.parametrize("chart", schema.CHARTS)
def test_an_old_kubernetes_is_refused(helm: Any, chart: str) -> None:
    done = helm("template", "a", str(CHARTS / chart), "--kube-version", "1.31.0", values={})
    assert done.returncode == 1
    assert "kubeVersion: >=1.32.0-0" in done.stderr


def test_charts_and_images_have_one_version() -> None:
    charts = [yaml.safe_load((CHARTS / name / "Chart.yaml").read_text()) for name in schema.CHARTS]
    versions = {each[key] for each in charts for key in ("version", "appVersion")}
    assert versions | {charts[0]["dependencies"][0]["version"]} == versions
    assert len(versions) == 1
    built = configparser.ConfigParser()
    built.read(CHARTS.parent / "setup.cfg")
    assert versions == {built["metadata"]["version"]}
