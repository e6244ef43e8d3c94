import hashlib
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests

from infra.images import registry
from infra.images.errors import ImageError
from tests.conftest import free_port

DIGEST = "sha256:" + "c" * 64


class Guarded(BaseHTTPRequestHandler):
    """A registry that wants a token, which everybody may fetch: what Docker Hub does."""

    def do_HEAD(self) -> None:
        if self.headers.get("Authorization") != "Bearer open-sesame":
            self.send_response(401)
            host = self.headers["Host"]
            scope = 'service="it",scope="repository:team/app:pull"'
            self.send_header("WWW-Authenticate", f'Bearer realm="http://{host}/token",{scope}')
        elif self.path == "/v2/team/app/manifests/1.0":
            self.send_response(200)
            self.send_header("Docker-Content-Digest", DIGEST)
        else:
            self.send_response(404)
        self.end_headers()

    def do_GET(self) -> None:
        wanted = "/token?service=it&scope=repository%3Ateam%2Fapp%3Apull"
        self.send_response(200 if self.path == wanted else 400)
        self.end_headers()
        self.wfile.write(json.dumps({"token": "open-sesame"}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def guarded() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}/team/app"
        server.shutdown()
        thread.join()


def test_an_anonymous_token_is_fetched_where_the_registry_says(guarded: str) -> None:
    assert registry.digest(guarded, "1.0") == DIGEST


def test_a_tag_that_is_not_there_is_named(guarded: str) -> None:
    with pytest.raises(ImageError, match=r"team/app:2\.0: .* answered 404"):
        registry.digest(guarded, "2.0")


def test_an_unreachable_registry_is_named() -> None:
    with pytest.raises(ImageError, match=r"127\.0\.0\.1:\d+ cannot be reached"):
        registry.digest(f"127.0.0.1:{free_port()}/team/app", "1.0")


@pytest.mark.parametrize(
    ("repository", "place"),
    [
        ("caddy", ("registry-1.docker.io", "library/caddy")),
        ("docker.io/caddy", ("registry-1.docker.io", "library/caddy")),
        ("valkey/valkey", ("registry-1.docker.io", "valkey/valkey")),
        ("quay.io/thanos/thanos", ("quay.io", "thanos/thanos")),
        ("localhost:5000/a", ("localhost:5000", "a")),
    ],
)
def test_a_repository_without_a_host_is_docker_hubs(repository: str, place: tuple) -> None:
    assert registry.place(repository) == place


@pytest.fixture
def real(tmp_path: Path) -> Iterator[str]:
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not on PATH (on Debian: apt install docker-registry)")
    port = free_port()
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "store")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (tmp_path / "config.yml").write_text(json.dumps(config))
    words = [program, "serve", str(tmp_path / "config.yml")]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(words, stdout=log, stderr=log) as server,
    ):
        try:
            _await(f"http://127.0.0.1:{port}/v2/", server)
            yield f"127.0.0.1:{port}/team/app"
        finally:
            server.terminate()


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if requests.get(url, timeout=1).ok:
                return
        except requests.ConnectionError:
            continue
    raise RuntimeError("docker-registry did not start")


def test_a_real_registry_tells_the_digest_of_what_was_pushed(real: str) -> None:
    host = real.partition("/")[0]
    base = f"http://{host}/v2/team/app"
    config = b"{}"
    name = "sha256:" + hashlib.sha256(config).hexdigest()
    upload = requests.post(f"{base}/blobs/uploads/", timeout=5).headers["Location"]
    requests.put(upload, params={"digest": name}, data=config, timeout=5).raise_for_status()
    kind = "application/vnd.oci.image.manifest.v1+json"
    blob = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": name,
        "size": len(config),
    }
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": blob, "layers": []})
    headers = {"Content-Type": kind}
    put = requests.put(f"{base}/manifests/1.0", data=manifest, headers=headers, timeout=5)
    put.raise_for_status()
    pushed = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
    assert registry.digest(real, "1.0") == pushed
