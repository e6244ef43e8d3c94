"""Your own Redis and Thanos: what the chart tells each process is what that process takes."""

from pathlib import Path
from typing import Any

import pytest

from controllers.control.settings import Settings as ControlSettings
from controllers.credentials.hub_key import hub_key
from controllers.relay.server.settings import Settings as RelaySettings
from controllers.store.address import redis_url
from controllers.store.sentinels import sentinels
from portal.settings import Settings as WebSettings

OWN = "redis://r.example:6379/0"
SENTINEL = "rediss+sentinel://a.example,b.example:26380/main"
KEYS = hub_key({}, 1)
USERS = ("api", "auth", "control-manager", "relay-server")


def container(objects: list[dict[str, Any]], name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pod spec and the first container of a component."""
    (spec,) = (
        each["spec"]["template"]["spec"]
        for each in objects
        if each["kind"] == "Deployment" and each["metadata"]["name"] == f"neurox-{name}"
    )
    return spec, spec["containers"][0]


def environment(
    objects: list[dict[str, Any]], name: str, folder: Path, files: dict[str, dict[str, str]]
) -> dict[str, str]:
    """Its variables, on this machine: ``files`` are the Secrets, mounted where the pod has them."""
    spec, run = container(objects, name)
    secrets = {v["name"]: v["secret"] for v in spec["volumes"] if "secret" in v}
    env = {each["name"]: each.get("value", "") for each in run["env"]}
    for mount in run["volumeMounts"]:
        secret = secrets.get(mount["name"], {})
        here = folder / mount["mountPath"].strip("/")
        here.mkdir(parents=True, exist_ok=True)
        content = {"neurox-hub-key": KEYS, **files}.get(secret.get("secretName", ""), {})
        only = [item["key"] for item in secret.get("items", [])] or list(content)
        for key in only:
            (here / key).write_text(content[key])
    return {
        key: str(folder / value.strip("/")) if value.startswith("/etc/neurox/") else value
        for key, value in env.items()
    }


@pytest.mark.parametrize("name", USERS)
def test_a_redis_without_a_password_is_reached_without_a_secret(
    render: Any, tmp_path: Path, name: str
) -> None:
    objects = render("neurox", {"redis": {"enabled": False, "url": OWN}})
    spec, _ = container(objects, name)
    assert "redis" not in {volume["name"] for volume in spec["volumes"]}
    files = {"neurox-relay-server": {"token": "t"}, "neurox-edge": {"ca.crt": ""}}
    env = environment(objects, name, tmp_path, files)
    assert redis_url(env) == OWN


@pytest.mark.parametrize("name", USERS)
def test_sentinels_tls_and_passwords_reach_every_process(
    render: Any, tmp_path: Path, name: str
) -> None:
    redis = {"enabled": False, "url": SENTINEL, "existingSecret": "pw", "tlsSecret": "tls"}
    files = {
        "pw": {"password": "one", "sentinel-password": "two"},
        "tls": {"ca.crt": "", "tls.crt": "", "tls.key": ""},
        "neurox-relay-server": {"token": "t"},
        "neurox-edge": {"ca.crt": ""},
    }
    env = environment(render("neurox", {"redis": redis}), name, tmp_path, files)
    known = sentinels(redis_url(env))
    assert known is not None
    assert known.hosts == [("a.example", 26379), ("b.example", 26380)]
    assert (known.redis["password"], known.own["password"]) == ("one", "two")
    assert known.own["ssl_ca_certs"] == f"{tmp_path}/etc/neurox/redis-tls/ca.crt"
    assert known.redis["ssl_keyfile"] == f"{tmp_path}/etc/neurox/redis-tls/tls.key"


def test_another_store_of_metrics_is_told_to_all_who_use_it(render: Any, tmp_path: Path) -> None:
    thanos = {
        "enabled": False,
        "queryUrl": "https://query.example/prometheus",
        "receiveUrl": "https://write.example/api/v1/push",
        "tenantHeader": "0123",
    }
    objects = render("neurox", {"thanos": thanos, "expose": {"edge": {"existingSecret": "own"}}})
    files = {"neurox-redis": {"password": "p"}, "neurox-relay-server": {"token": "t"}}
    relay, manager, api = (
        environment(objects, name, tmp_path, files)
        for name in ("relay-server", "control-manager", "api")
    )
    assert RelaySettings.from_env(relay).receive_url == "https://write.example/api/v1/push"
    assert RelaySettings.from_env(relay).tenant_header == "0123", "a word, not a number"
    assert ControlSettings.from_env(manager).thanos_url == "https://query.example/prometheus"
    assert WebSettings.from_env({**api, "NEUROX_API_URL": "http://a"}).thanos_url.endswith(
        ".example/prometheus"
    )


def test_our_own_receive_reads_the_header_that_the_relay_sends(render: Any, tmp_path: Path) -> None:
    objects = render("neurox")
    files = {"neurox-redis": {"password": "p"}, "neurox-relay-server": {"token": "t"}}
    sent = RelaySettings.from_env(environment(objects, "relay-server", tmp_path, files))
    (args,) = (
        each["spec"]["template"]["spec"]["containers"][0]["args"]
        for each in objects
        if each["metadata"]["name"] == "neurox-thanos-receive" and each["kind"] == "StatefulSet"
    )
    assert f"--receive.tenant-header={sent.tenant_header}" in args
