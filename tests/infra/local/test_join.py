import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.local.api import Api
from infra.local.errors import LocalError
from infra.local.join import Hub, Join, kubeconfig_of

SECRET = "kind: Secret\nstringData:\n  kubeconfig: |\n    token: nxj_1\n"


class ControlPlane:
    """An API that knows at most one cluster, over real HTTP."""

    def __init__(self) -> None:
        self.cluster: dict[str, str] | None = None
        self.calls: list[str] = []
        self.refusal: str | None = None

    def answer(self, method: str, path: str) -> tuple[int, object]:
        self.calls.append(f"{method} {path.removeprefix('/api/v1')}")
        if self.refusal is not None:
            return 503, {"detail": self.refusal}
        if method == "GET":
            return (200, self.cluster) if self.cluster else (404, {"detail": "no such cluster"})
        self.cluster = {"id": "c-1", "state": "waiting"}
        return 201, {"cluster": self.cluster, "secret": SECRET}


@pytest.fixture
def control() -> ControlPlane:
    return ControlPlane()


@pytest.fixture
def api(control: ControlPlane) -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            assert self.headers["Authorization"] == "Bearer nxu_1"
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, document = control.answer(self.command, self.path)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _serve

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Api(server.server_port, "nxu_1")
        server.shutdown()
        thread.join(timeout=5)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    (tmp_path / "ca.crt").write_text("the CA")
    return Hub("https://127.0.0.1:7000", tmp_path / "ca.crt")


@pytest.fixture
def join(tmp_path: Path, api: Api, hub: Hub) -> Join:
    return Join("sandbox-1", tmp_path / "join.kubeconfig", lambda: api, hub)


def kubeconfig(url: str, authority: str) -> str:
    data = base64.b64encode(authority.encode()).decode()
    cluster = {"server": f"{url}/relay/v1/join", "certificate-authority-data": data}
    return json.dumps({"clusters": [{"name": "neurox", "cluster": cluster}]})


def test_a_new_cluster_gets_its_secret_applied_and_kept_for_the_client(
    join: Join, control: ControlPlane
) -> None:
    applied: list[str] = []
    join.ensure(applied.append)
    assert applied == [SECRET]
    assert join.file.read_text() == "token: nxj_1\n"
    assert join.file.stat().st_mode & 0o777 == 0o600
    assert control.calls == ["GET /clusters/sandbox-1", "POST /clusters"]


@pytest.mark.parametrize("state", ["connected", "lost"])
def test_a_joined_cluster_is_left_alone(join: Join, control: ControlPlane, state: str) -> None:
    control.cluster = {"id": "c-1", "state": state}
    join.file.write_text(kubeconfig("https://127.0.0.1:7000", "the CA"))
    applied: list[str] = []
    join.ensure(applied.append)
    assert applied == []
    assert control.calls == ["GET /clusters/sandbox-1"]


@pytest.mark.parametrize(
    ("url", "authority"),
    [("https://127.0.0.1:7001", "the CA"), ("https://127.0.0.1:7000", "a former CA")],
    ids=["moved", "new CA"],
)
def test_a_cluster_that_would_not_find_the_hub_joins_anew(
    join: Join, control: ControlPlane, url: str, authority: str
) -> None:
    control.cluster = {"id": "c-1", "state": "connected"}
    join.file.write_text(kubeconfig(url, authority))
    join.ensure(lambda _: None)
    assert control.calls[-1] == "POST /clusters/sandbox-1/join"


def test_a_cluster_that_never_joined_gets_a_fresh_token(join: Join, control: ControlPlane) -> None:
    control.cluster = {"id": "c-0", "state": "waiting"}
    join.file.write_text("token: perhaps spent\n")
    join.ensure(lambda _: None)
    assert control.calls[-1] == "POST /clusters/sandbox-1/join"
    assert join.file.read_text() == "token: nxj_1\n"


def test_a_cluster_that_down_has_left_joins_anew(join: Join, control: ControlPlane) -> None:
    control.cluster = {"id": "c-0", "state": "lost"}
    join.ensure(lambda _: None)
    assert control.calls[-1] == "POST /clusters/sandbox-1/join"


def test_a_refusal_is_told_in_the_apis_words(join: Join, control: ControlPlane) -> None:
    control.refusal = "the store does not answer"
    with pytest.raises(LocalError, match=r"answered 503: the store does not answer"):
        join.ensure(lambda _: None)


def test_an_api_that_is_not_there_is_a_local_error(tmp_path: Path, hub: Hub) -> None:
    gone = Join("sandbox-1", tmp_path / "file", lambda: Api(1, "nxu_1"), hub)
    with pytest.raises(LocalError, match="refused"):
        gone.ensure(lambda _: None)


def test_the_kubeconfig_is_found_in_either_form_of_a_secret() -> None:
    encoded = base64.b64encode(b"token: x").decode()
    assert kubeconfig_of(f"data: {{kubeconfig: {encoded}}}") == "token: x"
    with pytest.raises(LocalError, match="no kubeconfig key"):
        kubeconfig_of("data: {}")
