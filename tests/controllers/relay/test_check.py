"""``neurox-relay check``: each stage by real servers, well and with each fault."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from controllers.relay import join
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.site import Site

WAY = ["proxy", "name", "tcp", "tls", "edge", "upgrade", "clock"]
STAGES = ["secret", *WAY, "token", "tunnel", "metrics"]
Checked = subprocess.CompletedProcess[str]


def check(site: Site, *words: str, **more: str) -> Checked:
    """As `kubectl exec` in the pod of the relay-client."""
    env = {
        **os.environ,
        "NEUROX_RELAY_JOIN_FILE": str(site.join_file),
        "NEUROX_RELAY_KUBECONFIG": str(site.folder / "kubeconfig"),
        "NEUROX_RELAY_MANAGER": f"http://{site.manager.address}",
        "NEUROX_RELAY_METRICS_LISTEN": f"127.0.0.1:{site.metrics}",
        **more,
    }
    command = [sys.executable, "-m", "controllers.relay.client", "check", *words]
    return subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=60)


def items(done: Checked) -> dict[str, Any]:
    return {each["key"]: each for each in json.loads(done.stdout)["items"]}


def test_a_cluster_that_is_connected_is_well(site: Site, hub: Hub) -> None:
    token = hub.kubeconfig(site.cluster_id)
    assert site.write(b"samples").status_code == 200
    done = check(site, "-o", "json")
    found = items(done)
    assert [each["state"] for each in found.values()] == ["ok"] * len(STAGES), done.stdout
    assert list(found) == STAGES
    assert done.returncode == 0
    assert "verified by the CA of the join Secret" in found["tls"]["detail"]
    assert site.cluster_id in found["token"]["detail"]
    assert "200: 1" in found["metrics"]["detail"]
    said = check(site).stdout
    assert said.count("\nok  ") == len(STAGES) - 1
    for secret in (site.kept()["key"], site.kept("write_token")["token"], token[-60:].strip()):
        assert secret not in done.stdout + said + done.stderr


def test_before_the_secret_is_there_it_says_where_to_get_one(new_site: Callable[[], Site]) -> None:
    done = check(new_site())
    assert done.returncode == 1
    assert "--  Join Secret" in done.stdout
    assert "neurox cluster join NAME" in done.stdout
    assert "the relay-client does not answer here" in done.stdout


def test_bad_settings_are_named(new_site: Callable[[], Site], tmp_path: Path) -> None:
    done = check(new_site(), NEUROX_RELAY_MANAGER="nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("neurox-relay check: NEUROX_RELAY_MANAGER must be host:port")


def test_looking_uses_no_token(
    new_site: Callable[[], Site], hub: Hub, eventually: Callable[..., None]
) -> None:
    site = new_site()
    site.join_file.write_text(hub.kubeconfig(site.cluster_id))
    done = check(site, "-o", "json")
    found = items(done)
    assert [found[key]["state"] for key in ("secret", *WAY)] == ["ok"] * (1 + len(WAY))
    assert found["token"]["state"] == "waiting"
    assert "has not been redeemed" in found["token"]["detail"]
    assert (done.returncode, json.loads(done.stdout)["state"]) == (1, "failed")
    assert site.kept() == {}
    site.start()
    eventually("it joins by the token that was looked at", site.is_connected)


def test_a_secret_that_came_to_harm_says_how_and_is_not_quoted(
    new_site: Callable[[], Site], hub: Hub
) -> None:
    site = new_site()
    text = hub.kubeconfig(site.cluster_id)
    token = next(line for line in text.splitlines() if "token: " in line).split()[-1]
    site.join_file.write_text(text.replace(token, token[:-5]))
    done = check(site)
    assert "--  Join Secret       the join Secret's token was cut or changed" in done.stdout
    assert "..  TLS               Not looked at" in done.stdout
    assert token[-30:-5] not in done.stdout + done.stderr


def test_access_that_was_taken_back_is_told_by_key_tunnel_and_metrics(
    site: Site, hub: Hub, eventually: Callable[..., None]
) -> None:
    assert site.write(b"taken").status_code == 200
    join.revoke(hub.redis, site.cluster_id)
    found: dict[str, Any] = {}

    def is_told() -> bool:
        site.write(b"refused")
        found.update(items(check(site, "-o", "json")))
        return "access was taken back" in found["tunnel"]["detail"]

    eventually("the client has been refused", is_told)
    assert [found[key]["state"] for key in ("token", "tunnel", "metrics")] == ["failed"] * 3
    assert "access was taken back (403)" in found["token"]["detail"]
    assert "were answered 403: this cluster has no access" in found["metrics"]["detail"]
    for key in ("token", "metrics"):
        assert "neurox cluster join NAME" in found[key]["fix"]
    site.join_file.write_text(hub.kubeconfig(site.cluster_id))
    eventually("it is back", site.is_connected)
    assert site.write(b"taken again").status_code == 200
    states = {key: each["state"] for key, each in items(check(site, "-o", "json")).items()}
    assert states == dict.fromkeys(STAGES, "ok")


def test_a_metrics_store_that_is_away_is_told_and_samples_that_it_refuses_are_counted(
    site: Site, hub: Hub
) -> None:
    try:
        hub.receive.state["status"] = 500
        assert site.write(b"x").status_code == 500
        metrics = items(check(site, "-o", "json"))["metrics"]
        assert metrics["state"] == "failed"
        assert "were answered 500" in metrics["detail"]
        assert "metrics store" in metrics["fix"]
        hub.receive.state["status"] = 409
        assert site.write(b"x").status_code == 409
    finally:
        hub.receive.state["status"] = 200
    metrics = items(check(site, "-o", "json"))["metrics"]
    assert metrics["state"] == "ok"
    assert "409: 1, 500: 1" in metrics["detail"]


def test_an_api_server_that_is_away_is_told_at_the_token(site: Site) -> None:
    site.kubernetes.close()
    found = items(check(site, "-o", "json"))
    assert found["token"]["state"] == "failed"
    assert "cannot be reached: connection refused" in found["token"]["detail"]
    assert [found[key]["state"] for key in (*WAY, "tunnel")] == ["ok"] * (1 + len(WAY))


def test_a_token_that_the_control_plane_refused_is_told_with_its_words(
    new_site: Callable[[], Site], hub: Hub, eventually: Callable[..., None]
) -> None:
    site = new_site()
    site.join_file.write_text(hub.kubeconfig(site.cluster_id, ttl=-1.0))
    site.start()
    eventually("it is refused", lambda: "token has expired" in site.program.words())
    done = check(site, "-o", "json")
    token = items(done)["token"]
    assert (token["state"], done.returncode) == ("failed", 1)
    assert "could not be redeemed: This join token has expired" in token["detail"]
    assert "neurox cluster join NAME" in token["fix"]
    site.join_file.write_text(hub.kubeconfig(site.cluster_id))
    eventually("the next one is good", site.is_connected)
    assert items(check(site, "-o", "json"))["token"]["state"] == "ok"


def test_a_member_is_told_of_a_new_token_that_is_of_no_use(
    site: Site, hub: Hub, eventually: Callable[..., None]
) -> None:
    other = hub.member()[0]
    site.join_file.write_text(hub.kubeconfig(other))
    eventually("it is refused", lambda: "belongs to another cluster" in site.program.words())
    token = items(check(site, "-o", "json"))["token"]
    assert token["state"] == "failed"
    assert "could not be redeemed: This record belongs to another cluster" in token["detail"]
    assert "--rebuilt" in token["fix"]
    eventually("it goes on as who it was", site.is_connected)
