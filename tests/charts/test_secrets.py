"""Secrets are named in values, never given; nothing that is rendered holds one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.charts import schema
from tests.charts.value_sets import SECRET, SETS

CHARTS = Path(__file__).parents[2] / "charts"
CANARY = "Canary-9fQ2xL7v"
ABOUT_SECRETS = re.compile(r"secret|passw|token|credential|apikey|private", re.IGNORECASE)
LOOKS_SECRET = re.compile(
    r"-----BEGIN|\b[a-z+]+://[^\s/]*:[^\s/]*@"
    r"|(?:passw(?:or)?d|token|secret|key)[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9+/_-]{12,}"
    r"|\b(?!sha256:)(?=[A-Za-z0-9+/_]*[0-9])(?=[A-Za-z0-9+/_]*[A-Z])[A-Za-z0-9+/_]{24,}\b"
)
"""A key, a URL with a password, an assignment, or a long word as only a generator makes it."""
REFERENCES = re.compile(
    r"(\.secretName|\.secret\.name|\.imagePullSecrets\.\d+\.name|\.resourceNames\.\d+)$"
)


def leaves(described: dict[str, Any], root: dict[str, Any], path: str = "") -> Iterator[Any]:
    """Path and schema of every value."""
    for key, each in described.get("properties", {}).items():
        name = each.get("$ref", "").rpartition("/")[2]
        known = {**root["definitions"][name], **each} if name else each
        if "properties" in known:
            yield from leaves(known, root, f"{path}{key}.")
        else:
            yield f"{path}{key}", known


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and text of every string in an object."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from strings(each, f"{path}.{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from strings(each, f"{path}.{index}")
    elif isinstance(value, str):
        yield path, value


def nested(path: str, value: Any) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


@pytest.mark.parametrize("chart", schema.CHARTS)
def test_a_value_about_a_secret_takes_the_name_of_one_and_nothing_else(
    helm: Any, chart: str
) -> None:
    described, _ = schema.read(chart)
    about = {
        path: known
        for path, known in leaves(described, described)
        if ABOUT_SECRETS.search(path.rpartition(".")[2])
    }
    assert about
    for path, known in about.items():
        given = [{"name": CANARY, "value": CANARY}] if known["type"] == "array" else CANARY
        done = helm("template", "a", str(CHARTS / chart), values=nested(path, given))
        assert done.returncode == 1, path
        assert f"/{path.replace('.', '/')}" in done.stderr, path


def test_no_url_takes_a_secret_with_it(helm: Any) -> None:
    described, _ = schema.read("neurox")
    urls = [path for path, _ in leaves(described, described) if path.lower().endswith("url")]
    assert len(urls) == 3
    for path in urls:
        scheme = "redis" if path.startswith("redis") else "https"
        for url in (f"{scheme}://u:{CANARY}@host", f"{scheme}://host/?password={CANARY}"):
            done = helm("template", "a", str(CHARTS / "neurox"), values=nested(path, url))
            assert done.returncode == 1, (path, url)
            assert f"/{path.replace('.', '/')}" in done.stderr


@pytest.mark.parametrize("name", SETS)
def test_nothing_rendered_looks_like_a_secret(render: Any, helm: Any, name: str) -> None:
    chart, values = SETS[name]
    for each in render(chart, values):
        about = f"{each['kind']}/{each['metadata']['name']}"
        for path, text in strings(each):
            if path.endswith(".checksum/config"):
                continue
            assert not LOOKS_SECRET.search(text), (about, path, text)
    words = ("install", "neurox", str(CHARTS / chart), "--dry-run=client", "-n", "neurox-system")
    notes = helm(*words, values=values).stdout.partition("\nNOTES:\n")[2]
    assert "neurox" in notes
    assert not LOOKS_SECRET.search(notes), notes


@pytest.mark.parametrize("name", [name for name in SETS if SECRET in str(SETS[name])])
def test_a_secret_that_is_named_is_mounted_or_filled_and_mentioned_nowhere_else(
    render: Any, name: str
) -> None:
    chart, values = SETS[name]
    for each in render(chart, values):
        for path, text in strings(each):
            if text == SECRET:
                assert REFERENCES.search(path), (each["kind"], path)
            else:
                assert not re.search(rf"\b{SECRET}\b", text), (each["kind"], path, text)


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN EC PRIVATE KEY-----",
        "redis://:hunter2@host",
        "requirepass password=correcthorsebattery",
        "nxj_0123456789abcdef_" + "aB3" * 14,
        "AKIAIOSFODNN7EXAMPLE" + "wJalrXUtnFEMI",
    ],
)
def test_the_scan_knows_a_secret_when_it_sees_one(text: str) -> None:
    assert LOOKS_SECRET.search(text)


@pytest.mark.parametrize(
    ("expose", "mounted"),
    [
        ({"type": "ingress", "host": "a.example", "caSecret": SECRET}, {"api", "portal"}),
        ({"type": "ingress", "host": "a.example"}, set()),
        ({"caSecret": SECRET}, set()),
    ],
)
def test_a_private_ca_is_given_to_join_secrets_where_ours_does_not_sign(
    render: Any, expose: dict[str, Any], mounted: set[str]
) -> None:
    values = {"expose": expose, "workload": {"enabled": True}}
    found = set()
    for each in render("neurox", values):
        if each["kind"] == "Deployment":
            volumes = each["spec"]["template"]["spec"].get("volumes", [])
            if any(volume.get("secret", {}).get("secretName") == SECRET for volume in volumes):
                found.add(each["metadata"]["labels"]["app.kubernetes.io/component"])
    assert found == mounted


def test_the_control_manager_alone_sees_the_key_that_signs_what_clusters_do(render: Any) -> None:
    seen = {
        (each["metadata"]["name"], item["key"])
        for each in render("neurox", {"workload": {"enabled": True}})
        if each["kind"] in ("Deployment", "StatefulSet", "DaemonSet")
        for volume in each["spec"]["template"]["spec"].get("volumes", [])
        if volume.get("secret", {}).get("secretName") == "neurox-hub-key"
        for item in volume["secret"]["items"]
    }
    assert seen == {
        ("neurox-control-manager", "signing.pem"),
        ("neurox-relay-server", "chain.json"),
    }
