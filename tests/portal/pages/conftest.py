"""The pages on a real port, before an API on another that answers from a made-up fleet.

The cookie ``scenario`` chooses the fleet, so a test sees that cookies travel on: full, empty,
young, large, stale, revoked, hostile, researcher (no admin), no-charts, refused (403), broken
(500), signed-out (401).
"""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, Response, jsonify, render_template, request
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from portal import schemas as s
from portal.pages import Settings, create_app
from portal.pages.templating import equip
from tests.portal.pages import made_up_links
from tests.portal.pages.made_up_fleet import NOW, Fleet


def refused(status: int, detail: str, errors: list[dict[str, str]] | None = None) -> Response:
    """A problem document."""
    body = {
        "title": "Refused",
        "status": status,
        "detail": detail,
        "instance": request.path,
        "request_id": "req-7f3a",
        "errors": errors or [],
    }
    answer = jsonify(body)
    answer.status_code = status
    answer.content_type = "application/problem+json"
    return answer


def json(model: BaseModel, status: int = 200) -> Response:
    """A model as the API sends it."""
    return Response(model.model_dump_json(), status, content_type="application/json")


def fleet() -> Any:
    """The fleet of the caller's cookie."""
    return Fleet(request.cookies.get("scenario", "full"))


def make_api() -> Flask:
    """The API of the made-up fleets; what it was asked lies in ``app.config['seen']``."""
    app = Flask("fixture-api")
    app.config["seen"] = []

    @app.before_request
    def watch() -> Response | None:
        app.config["seen"].append((request.method, request.full_path, dict(request.headers)))
        statuses = {"signed-out": 401, "refused": 403, "broken": 500}
        status = statuses.get(request.cookies.get("scenario", ""))
        return refused(status, f"The API says {status}.") if status else None

    @app.errorhandler(HTTPException)
    def wrong(error: HTTPException) -> Response:
        return refused(error.code or 500, error.description or "")

    add_reads(app)
    add_upgrade(app)
    add_links(app)
    add_tokens(app)
    add_access(app)
    add_writes(app)
    return app


def add_reads(app: Flask) -> None:
    """The GETs."""

    @app.get("/api/v1/me")
    def me() -> Response:
        admin = request.cookies.get("scenario") != "researcher"
        return json(s.Me(name="amara", groups=["vision"], admin=admin))

    @app.get("/api/v1/overview")
    def overview() -> Response:
        return json(fleet().overview())

    @app.get("/api/v1/series/<name>")
    def series(name: str) -> Response:
        if request.cookies.get("scenario") == "no-charts":
            return refused(503, "Thanos does not answer.")
        return json(fleet().series(name, int(request.args.get("step", 15))))

    @app.get("/api/v1/<noun>")
    def listed(noun: str) -> Response:
        args = request.args
        items: list[Any] = getattr(fleet(), "removed" if args.get("state") == "removed" else noun)
        for key in ("state", "cluster", "user", "project", "node", "workload_id", "cluster_id"):
            if args.get(key):
                items = [i for i in items if getattr(i, key) in args[key].split(",")]
        if args.get("q"):
            items = [i for i in items if args["q"] in i.name]
        start, limit = int(args.get("cursor", 0)), int(args.get("limit", 50))
        following = str(start + limit) if start + limit < len(items) else None
        return json(
            s.Page[Any](items=items[start : start + limit], next_cursor=following, total=len(items))
        )

    @app.get("/api/v1/<noun>/<name>")
    def one(noun: str, name: str) -> Response:
        key = {"gpus": "uuid", "workloads": "id"}.get(noun, "name")
        found = [i for i in getattr(fleet(), noun) if getattr(i, key) == name]
        found = found or [i for i in fleet().removed if i.id == name]
        return json(found[0]) if found else refused(404, f"No such item in {noun}.")


def add_upgrade(app: Flask) -> None:
    """How to upgrade a cluster; the API of the young fleet is older than that."""

    @app.get("/api/v1/clusters/<name>/upgrade")
    def upgrade(name: str) -> Response:
        if request.cookies.get("scenario") == "young":
            return refused(404, "An older API has no such address.")
        return json(s.UpgradeOut(version="9.9.9", command=f"helm upgrade {name}"))


def add_links(app: Flask) -> None:
    """Check-list and link; the API of the young fleet is older than these."""
    app.config["polled"] = 0

    @app.get("/api/v1/clusters/<name>/checks")
    def checks(name: str) -> Response:
        scenario = request.cookies.get("scenario", "full")
        if scenario == "young":
            return refused(404, "An older API has no such address.")
        app.config["polled"] += scenario == "joining"
        return json(made_up_links.checks(name, scenario, app.config["polled"]))

    @app.get("/api/v1/clusters/<name>/link")
    def link(name: str) -> Response:
        scenario = request.cookies.get("scenario", "full")
        if scenario == "young":
            return refused(404, "An older API has no such address.")
        return json(made_up_links.link(name, scenario))


def add_tokens(app: Flask) -> None:
    """Join tokens that nobody has used."""

    @app.get("/api/v1/clusters/<name>/join")
    def waiting_join(name: str) -> Response:
        scenario = request.cookies.get("scenario", "full")
        if scenario == "young":
            return refused(405, "An older API only makes them.")
        if name != "research-dc1":
            return refused(404, "No join token waits.")
        return json(made_up_links.token(scenario))

    @app.get("/api/v1/join-tokens")
    def join_tokens() -> Response:
        scenario = request.cookies.get("scenario", "full")
        if scenario == "young":
            return refused(404, "An older API has no such address.")
        items = [] if scenario == "empty" else made_up_links.tokens(scenario)
        return json(s.Page[s.JoinTokenOut](items=items, total=len(items)))


def add_access(app: Flask) -> None:
    """The audit, and what changes a record or takes its access away."""

    @app.delete("/api/v1/clusters/<name>/join")
    @app.delete("/api/v1/clusters/<name>")
    def take_away(name: str) -> Response:
        return Response(status=204)

    @app.patch("/api/v1/clusters/<name>")
    def change(name: str) -> Response:
        app.config["changed"] = request.get_json()
        if "a b" in app.config["changed"]["labels"]:
            fault = {"in": "body", "field": "labels", "message": "'a b' is not a label."}
            return refused(422, "'a b' is not a label.", [fault])
        return json(fleet().clusters[0])

    @app.get("/api/v1/audit")
    def audit() -> Response:
        scenario = request.cookies.get("scenario", "full")
        if scenario in ("young", "researcher"):
            return refused(404 if scenario == "young" else 403, "No.")
        return json(made_up_links.deeds(request.args["cluster_id"], scenario))


def add_writes(app: Flask) -> None:
    """The changes; nothing is kept."""

    @app.post("/api/v1/workloads")
    def create() -> Response:
        asked = request.get_json()
        if request.headers.get("Idempotency-Key") == "used":
            return refused(409, "This Idempotency-Key made another workload.")
        if asked["gpus_per_pod"] > 8:
            fault = {"in": "body", "field": "gpus_per_pod", "message": "The largest node has 8."}
            return refused(422, "99 GPUs per pod fit on no node.", [fault])
        return json(fleet().workloads[3], 201)

    @app.delete("/api/v1/workloads/<_>")
    def stop(_: str) -> Response:
        return Response(status=202)

    @app.post("/api/v1/clusters")
    def join() -> Response:
        app.config["joined"] = request.get_json()
        name = app.config["joined"]["name"]
        if name == "prod-use1":
            return refused(409, "A cluster named prod-use1 exists.")
        return json(made(name), 201)

    @app.post("/api/v1/clusters/<name>/<any(rotate, revoke):_>")
    def change_key(name: str, _: str) -> Response:
        if name == "research-dc1":
            return refused(409, "It has no key yet.")
        return json(fleet().clusters[0])

    @app.post("/api/v1/clusters/<name>/join")
    def join_again(name: str) -> Response:
        return json(made(name), 201)


def made(name: str) -> s.JoinOut:
    """A new record with its Secret."""
    nothing = dict.fromkeys(
        ("reported_at", "report_age_seconds", "sampled_at", "sample_age_seconds")
    )
    waiting = {"name": name, "state": "waiting", "nodes": 0, "gpus": 0}
    return s.JoinOut(
        cluster=Fleet("full").clusters[0].model_copy(update=waiting | nothing),
        secret="apiVersion: v1\nkind: Secret\nstringData:\n  kubeconfig: shown-once\n",
        command="helm install neurox-workload -f -",
        preflight="kind: Job\n",
        preflight_command="kubectl apply -f -",
        expires_at=NOW + timedelta(hours=1),
    )


def serve(app: Any) -> Iterator[str]:
    """``app`` on a free port until the end of the session."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture(scope="session")
def api() -> Flask:
    """The fixture API's app."""
    return make_api()


@pytest.fixture(scope="session")
def api_url(api: Flask) -> Iterator[str]:
    """Where the fixture API answers."""
    yield from serve(api)


@pytest.fixture(scope="session")
def app(api: Flask, api_url: str) -> Flask:
    """The pages."""
    made = create_app(Settings(api_url=api_url))
    made.extensions["fixture_api"] = api
    return made


@pytest.fixture(scope="session")
def pages_url(app: Flask) -> Iterator[str]:
    """Where the pages answer, with the sign-in page beside them."""
    sign_in = Flask("sign-in", static_folder=None)
    equip(sign_in)

    @sign_in.get("/sign-in")
    def form() -> str:
        return render_template("pages/sign_in.html", next="/", error="Wrong.", name="amara")

    yield from serve(DispatcherMiddleware(app, {"/auth": sign_in}))
