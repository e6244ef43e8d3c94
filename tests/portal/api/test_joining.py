"""Clusters come and go by an admin's word."""

import subprocess
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from neurox_web import ORIGIN, SETTINGS, Web, cluster, gpu, mounted
from redis import Redis

from controllers.domain.workload import Intent, WorkloadSpec
from controllers.relay.join import parse_kubeconfig
from portal.pages import Settings as PagesSettings
from portal.pages import create_app as create_pages

AUTHORITY = b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


def secret(answer: Any) -> Any:
    assert answer.status_code == 201, answer.text
    return yaml.safe_load(answer.json["secret"])


def test_a_new_cluster_gets_a_secret_that_the_relay_can_read(redis: Redis, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
    authority.write_text(pem)
    web = mounted(redis, replace(SETTINGS, relay_ca_file=authority))
    answer = web.post("/clusters", {"name": "east", "description": "cellar"})
    made = secret(answer)
    assert (made["kind"], made["metadata"]["name"]) == ("Secret", "neurox-join")
    assert list(made["stringData"]) == ["kubeconfig"]
    config = yaml.safe_load(made["stringData"]["kubeconfig"])
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:8443/relay/v1/join"
    assert config["users"][0]["user"]["token"].startswith("nxj_")
    assert answer.json["cluster"]["state"] == "waiting"  # type: ignore[index]
    assert web.get("/clusters/east").json["description"] == "cellar"  # type: ignore[index]


def test_the_cluster_can_be_checked_first_by_a_job_that_holds_no_secret(
    redis: Redis, tmp_path: Path
) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n")
    web = mounted(redis, replace(SETTINGS, relay_ca_file=authority))
    made: Any = web.post("/clusters", {"name": "east"}).json
    objects = {each["kind"]: each for each in yaml.safe_load_all(made["preflight"])}
    assert objects["ConfigMap"]["data"]["ca.crt"] == authority.read_text()
    (container,) = objects["Job"]["spec"]["template"]["spec"]["containers"]
    assert "--hub=https://127.0.0.1:8443" in container["args"]
    assert "Secret" not in objects
    assert "nxj_" not in made["preflight"] + made["preflight_command"]
    assert "kubectl apply -f -" in made["preflight_command"]


def test_no_cluster_can_have_the_address_of_a_page(web: Web) -> None:
    rules = create_pages(PagesSettings(ORIGIN)).url_map.iter_rules()
    found = [str(rule).split("/") for rule in rules]
    words = {parts[2] for parts in found if parts[1] == "clusters" and len(parts) > 2}
    assert words == {"<name>", "new"}
    answer = web.post("/clusters", {"name": "new"})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "name"  # type: ignore[index]
    assert not web.stores.clusters.all()


def serving_charts(redis: Redis, folder: Path) -> Web:
    """A control plane that hands out its own chart, and whose edge has a CA of its own."""
    authority = folder / "ca.pem"
    authority.write_bytes(AUTHORITY)
    charts = Path(__file__).parents[3] / "charts"
    at = replace(SETTINGS, public_url="https://neurox.example", charts_dir=charts)
    return mounted(redis, replace(at, relay_ca_file=authority))


def test_the_command_fetches_our_own_chart_and_holds_no_secret(
    redis: Redis, tmp_path: Path
) -> None:
    web = serving_charts(redis, tmp_path)
    answer = web.post("/clusters", {"name": "east"})
    command: str = answer.json["command"]  # type: ignore[index]
    assert "helm upgrade --install neurox-workload https://neurox.example/charts/neurox-" in command
    assert f"base64 -d > $CA <<< {b64encode(AUTHORITY).decode()} && helm" in command
    assert command.endswith("--ca-file $CA\n")
    assert "nxj_" not in command
    assert subprocess.run(["bash", "-n"], input=command.encode(), check=False).returncode == 0


def test_a_cluster_that_has_joined_is_upgraded_by_our_chart_and_keeps_what_was_set(
    redis: Redis, tmp_path: Path
) -> None:
    web = serving_charts(redis, tmp_path)
    web.post("/clusters", {"name": "east"})
    said: dict[str, str] = web.get("/clusters/east/upgrade").json  # type: ignore[assignment]
    chart = f"https://neurox.example/charts/neurox-workload-{said['version']}.tgz"
    assert f"helm upgrade neurox-workload {chart} --namespace neurox-system" in said["command"]
    assert "--reset-then-reuse-values" in said["command"]
    assert said["command"].endswith("--ca-file $CA\n")
    assert (
        subprocess.run(["bash", "-n"], input=said["command"].encode(), check=False).returncode == 0
    )
    assert web.get("/clusters/west/upgrade").status_code == 404


def test_a_control_plane_that_serves_no_chart_shows_no_command(web: Web) -> None:
    web.post("/clusters", {"name": "east"})
    assert web.get("/clusters/east/upgrade").json["command"] == ""  # type: ignore[index]


def test_a_private_ca_is_optional(web: Web) -> None:
    made = secret(web.post("/clusters", {"name": "east"}))
    assert parse_kubeconfig(made["stringData"]["kubeconfig"]).ca_pem is None


def test_the_token_is_shown_once_and_not_stored(web: Web, redis: Redis) -> None:
    made = secret(web.post("/clusters", {"name": "east"}))
    config = yaml.safe_load(made["stringData"]["kubeconfig"])
    token = config["users"][0]["user"]["token"].rpartition("_")[2]
    assert token not in web.get("/clusters/east").text
    for key in redis.scan_iter():
        assert token.encode() not in key + redis.dump(key)


def test_a_name_is_taken_once(web: Web) -> None:
    web.post("/clusters", {"name": "east"})
    again = web.post("/clusters", {"name": "east"})
    assert again.status_code == 409
    assert web.call("POST", "/clusters?dry_run=true", json={"name": "east"}).status_code == 409
    assert web.post("/clusters", {"name": "East"}).status_code == 422
    assert web.get("/clusters").json["total"] == 1  # type: ignore[index]


def test_a_dry_run_makes_neither_record_nor_token(web: Web, redis: Redis) -> None:
    before = set(redis.scan_iter())
    answer = web.call("POST", "/clusters?dry_run=true", json={"name": "east"})
    assert answer.status_code == 200
    assert answer.json["secret"] == ""  # type: ignore[index]
    assert set(redis.scan_iter()) == before


def test_a_new_token_can_be_had_for_a_cluster_that_exists(web: Web) -> None:
    first = secret(web.post("/clusters", {"name": "east"}))
    second = secret(web.call("POST", "/clusters/east/join"))
    assert first["stringData"] != second["stringData"]
    assert web.call("POST", "/clusters/west/join").status_code == 404


def test_of_a_removed_cluster_neither_report_nor_credential_is_left(web: Web, redis: Redis) -> None:
    made = cluster(web)
    web.call("POST", "/clusters/east/join")
    web.stores.samples.put(made.id, [gpu(0)])
    spec = WorkloadSpec("train", "eyes", "vision", "a", 1, 1)
    web.stores.intents.add(Intent("w1", spec, "mia", 0.0, cluster=made.id))
    assert web.call("DELETE", "/clusters/east?dry_run=true").status_code == 204
    assert web.get("/clusters/east").status_code == 200
    assert web.delete("/clusters/east").status_code == 204
    left = [key.decode() for key in redis.scan_iter() if f":{made.id}".encode() in key]
    assert left == [f"neurox:state:{made.id}:nodes"]
    assert web.get("/clusters/east").status_code == 404
    shown: Any = web.get("/workloads/w1").json
    assert shown["state"] == "Invalid"
    assert "removed from Neurox" in shown["reason"]["message"]


@pytest.mark.parametrize("body", [{}, {"name": 5}, {"name": "east", "id": "1"}, []])
def test_a_cluster_is_a_name_and_a_description(web: Web, body: object) -> None:
    assert web.post("/clusters", body).status_code == 422


@pytest.mark.parametrize("seconds", [0, 59, 604801, -1, 10**12])
def test_a_token_beyond_the_limits_is_refused_by_naming_them(web: Web, seconds: int) -> None:
    web.post("/clusters", {"name": "east"})
    for path, body in (("/clusters", {"name": "west"}), ("/clusters/east/join", {})):
        answer = web.post(path, body | {"expires_seconds": seconds})
        assert answer.status_code == 422
        assert "60 (1 minute) to 604800 (7 days)" in answer.json["detail"]  # type: ignore[index]
        assert answer.json["errors"][0]["field"] == "expires_seconds"  # type: ignore[index]
    assert [cluster.name for cluster in web.stores.clusters.all()] == ["east"]


@pytest.mark.parametrize("body", [{"expires_seconds": "1h"}, {"expires_seconds": 1.5}, {"name": 1}])
def test_terms_are_a_number_and_a_word_of_honour(web: Web, body: object) -> None:
    web.post("/clusters", {"name": "east"})
    assert web.post("/clusters/east/join", body).status_code == 422
