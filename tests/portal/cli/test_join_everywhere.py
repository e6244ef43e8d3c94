"""The API, the page and the command give one and the same: a Secret, Helm's line, a program."""

import ast
import base64
import html
import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import neurox_web
import pytest
import yaml
from flask.testing import FlaskClient
from neurox_web import ORIGIN, SETTINGS, Web, mounted
from redis import Redis

from controllers.relay import join
from infra.tools.toolbox import Toolbox
from portal.pages import Settings as PagesSettings
from portal.pages import create_app as create_pages

Neurox = Callable[..., Any]
CHARTS = Path(__file__).parents[3] / "charts"
AUTHORITY = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


@dataclass(frozen=True)
class Given:
    """What somebody has in hand; tokens differ, so their secret part is left out."""

    secret: str
    command: str
    helm: str
    pulumi: str

    @classmethod
    def of(cls, made: dict[str, Any]) -> "Given":
        return cls(_no_token(made["secret"]), made["command"], made["helm"], made["pulumi"].strip())


def _no_token(text: str) -> str:
    assert text.count("nxj_") == 1
    return re.sub(r"nxj_[0-9a-f]{16}_[\w-]{43}", "TOKEN", text).strip()


@pytest.fixture
def web(redis: Redis, tmp_path: Path) -> Web:
    """A control plane that serves its chart and whose edge has a CA of its own."""
    authority = tmp_path / "ca.pem"
    authority.write_text(AUTHORITY)
    at = replace(SETTINGS, relay_public_url="https://hub.example", charts_dir=CHARTS)
    return mounted(redis, replace(at, relay_ca_file=authority))


@pytest.fixture
def browser(web: Web, server: str) -> FlaskClient:
    """One in which the admin is signed in."""
    body = {"name": "admin", "password": web.admin_password}
    signed_in = web.client().post("/auth/sign-in", json=body, base_url=ORIGIN)
    client = create_pages(PagesSettings(server)).test_client()
    name, _, value = signed_in.headers["Set-Cookie"].partition(";")[0].partition("=")
    client.set_cookie(name, value)
    return client


@pytest.fixture
def page(browser: FlaskClient) -> Callable[..., str]:
    """Posts a form."""

    def post(path: str, status: int = 200, **form: str) -> str:
        answer = browser.post(path, data=form, headers={"Origin": ORIGIN})
        assert answer.status_code == status, answer.text
        return answer.text

    return post


def shown(text: str, name: str) -> str:
    """A block of the page that can be copied."""
    found = re.search(rf'<pre id="{name}"[^>]*>(.*?)</pre>', text, re.DOTALL)
    assert found, name
    return html.unescape(found[1])


def test_all_three_give_the_same(
    web: Web, server: str, neurox: Neurox, page: Callable[..., str]
) -> None:
    of_api = Given.of(web.post("/clusters", {"name": "east"}).json)  # type: ignore[arg-type]
    of_command = Given.of(json.loads(neurox("cluster", "join", "east", "-o", "json").out))
    text = page("/clusters/east/join")
    assert of_command == of_api
    assert _no_token(shown(text, "join-secret")) == of_api.secret
    assert shown(text, "join-command").strip() == of_api.command.strip()
    assert shown(text, "join-pulumi").strip() == of_api.pulumi
    assert of_api.command.endswith(of_api.helm)
    printed = neurox("cluster", "join", "east")
    assert _no_token(printed.out) == of_api.secret
    assert of_api.command.strip() in printed.err
    assert of_api.pulumi in printed.err


def test_a_description_that_is_too_long_is_told_beside_the_field(
    web: Web, page: Callable[..., str]
) -> None:
    text = page("/clusters/new", 422, name="east", description="x" * 501)
    assert 'id="fault-description"' in text
    assert "description has 501 characters; at most 500 are taken" in text
    assert 'value="east"' in text
    assert web.stores.clusters.all() == []


def test_one_that_was_revoked_just_now_is_let_in_again_from_its_page(
    web: Web, browser: FlaskClient
) -> None:
    east = neurox_web.cluster(web, "east")
    assert "Let it join again" not in browser.get("/clusters/east").text
    join.revoke(web.stores.redis, east.id)
    assert "Let it join again" in browser.get("/clusters/east").text


def test_a_record_that_was_revoked_before_it_ever_joined_shows_no_readings(
    web: Web, browser: FlaskClient
) -> None:
    web.post("/clusters", {"name": "east"})
    assert "A new join Secret</h2>" in browser.get("/clusters/east").text
    join.revoke(web.stores.redis, web.stores.clusters.by_name("east").id)
    text = browser.get("/clusters/east").text
    assert "</svg>Revoked</span>" in text
    assert "A new join Secret</h2>" in text
    for card in ('id="facts"', 'id="nodes"', "has not reported for"):
        assert card not in text


def test_the_page_asks_for_time_and_for_the_word_of_a_rebuilt_cluster(
    web: Web, server: str, page: Callable[..., str]
) -> None:
    page("/clusters/new", name="east", expires="7 days")
    waiting: Any = web.get("/clusters/east/join").json
    assert not waiting["rebuilt"]
    page("/clusters/east/join", rebuilt="yes")
    newer: Any = web.get("/clusters/east/join").json
    assert newer["rebuilt"]
    assert newer["id"] != waiting["id"]
    assert newer["expires_at"] < waiting["expires_at"]


def test_helm_is_one_line_and_holds_no_secret(web: Web) -> None:
    made: Any = web.post("/clusters", {"name": "east"}).json
    assert made["helm"].count("\n") == 1
    assert "helm upgrade --install neurox-workload http" in made["helm"]
    assert "nxj_" not in made["helm"] + made["command"] + made["pulumi"]


def test_kubectl_reads_the_kubeconfig(web: Web, tmp_path: Path) -> None:
    made: Any = web.post("/clusters", {"name": "east"}).json
    text = yaml.safe_load(made["secret"])["stringData"]["kubeconfig"]
    (tmp_path / "kubeconfig").write_text(text)
    kubectl = Toolbox.from_env().path("kubectl")
    words = [str(kubectl), "config", "view", "--raw", "--minify", "-o", "json"]
    env = {**os.environ, "KUBECONFIG": str(tmp_path / "kubeconfig"), "HOME": str(tmp_path)}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=True)
    seen = json.loads(done.stdout)
    (cluster,), (user,) = seen["clusters"], seen["users"]
    assert cluster["cluster"]["server"] == "https://hub.example/relay/v1/join"
    authority = base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode()
    assert authority == AUTHORITY
    assert user["user"] == {"token": yaml.safe_load(text)["users"][0]["user"]["token"]}


def test_the_program_is_python_and_names_the_cluster(web: Web) -> None:
    made: Any = web.post("/clusters", {"name": "east"}).json
    tree = ast.parse(made["pulumi"])
    called = [
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    assert called == ["WorkloadCluster", "WorkloadClusterArgs"]
    assert made["pulumi"].count('"east"') == 3
