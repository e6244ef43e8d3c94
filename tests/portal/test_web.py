"""The web process as gunicorn runs it."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import pytest
import requests
from neurox_web import ORIGIN, SETTINGS, Web, mounted
from redis import Redis
from werkzeug.test import Client

from portal import web as web_module
from portal.web import HEADERS

ROOT = Path(__file__).parents[2]


@dataclass
class Served:
    """A running web process."""

    url: str
    process: subprocess.Popen[bytes]
    token: str

    def get(self, path: str) -> requests.Response:
        """A GET by the admin's token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.get(self.url + path, headers=headers, timeout=10)


@pytest.fixture
def served(redis: Redis, redis_url: str, tmp_path: Path) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    settings = {
        "NEUROX_REDIS_URL": redis_url,
        "NEUROX_THANOS_URL": "http://127.0.0.1:1",
        "NEUROX_API_URL": url,
        "NEUROX_PUBLIC_URL": url,
        "NEUROX_RELAY_PUBLIC_URL": "https://127.0.0.1:1",
        "HOME": str(tmp_path),
    }
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "portal/gunicorn_conf.py")]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [*command, "-b", url.removeprefix("http://"), "portal.web:app"],
            env=os.environ | settings,
            stdout=log,
            stderr=log,
            cwd=tmp_path,
        ) as process,
    ):
        web = Served(url, process, mounted(redis).admin_token)
        try:
            _await(web, tmp_path / "log")
            yield web
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def _await(web: Served, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and web.process.poll() is None:
        try:
            if web.get("/api/v1/readyz").ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            continue
    raise AssertionError(log.read_text())


def test_every_answer_carries_the_security_headers_and_an_id(web: Web) -> None:
    ids = set()
    for path in ("/api/v1/me", "/api/v1/no", "/auth/sign-in", "/auth/no", "/no"):
        answer = web.client().get(path, base_url=ORIGIN)
        for name, value in HEADERS.items():
            assert answer.headers.getlist(name) == [value], (path, name)
        ids.add(answer.headers["X-Request-ID"])
    assert len(ids) == 5


def test_an_id_sent_by_a_client_is_not_taken_over(web: Web) -> None:
    answer = web.get("/me", headers={"X-Request-ID": "mine"})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-ID"])


def test_no_strict_transport_over_http(web: Web) -> None:
    assert not SETTINGS.secure
    assert "Strict-Transport-Security" not in web.get("/me").headers


@pytest.mark.parametrize("name", ["app", "portal", "api", "auth"])
def test_without_settings_gunicorn_ends_with_a_sentence(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "portal/gunicorn_conf.py")]
    env = {key: value for key, value in os.environ.items() if not key.startswith("NEUROX_")}
    done = subprocess.run(
        [*command, "-b", f"unix:{tmp_path}/socket", f"portal.web:{name}"],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert re.search(rf"^{name}: NEUROX_\w+ is not set", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr


def test_each_of_the_three_apps_runs_alone(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    settings = {
        "NEUROX_REDIS_URL": redis_url,
        "NEUROX_THANOS_URL": "http://127.0.0.1:1",
        "NEUROX_API_URL": "http://127.0.0.1:1",
        "NEUROX_PUBLIC_URL": "https://neurox.example",
        "NEUROX_RELAY_PUBLIC_URL": "https://neurox.example",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    fine = {"portal": "/healthz", "api": "/api/v1/readyz", "auth": "/auth/readyz"}
    for name, path in fine.items():
        client = Client(getattr(web_module, name))
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (200, "ok\n"), name
        assert answer.headers["Strict-Transport-Security"]
        foreign = set(fine.values()) - {path}
        if name != "portal":  # whose pages ask the API for everything else
            assert [client.get(other).status_code for other in foreign] == [404, 404], name


@pytest.mark.slow
def test_a_thousand_half_sent_requests_do_not_stop_the_others(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
    head = b"POST /auth/sign-in HTTP/1.1\r\nHost: x\r\n"
    halves = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(1000)]
    try:
        for number, half in enumerate(halves):
            half.sendall(head + (b"Content-Length: 100\r\n\r\na" if number % 2 else b""))
        took = []
        for _ in range(9):
            began = time.monotonic()
            assert served.get("/api/v1/me").status_code == 200
            took.append(time.monotonic() - began)
        assert median(took) < 1
    finally:
        for half in halves:
            half.close()


@pytest.mark.slow
def test_it_listens_on_its_port_alone_and_stays_small(served: Served) -> None:
    assert served.get("/api/v1/overview").status_code == 200
    master = psutil.Process(served.process.pid)
    family = [master, *master.children(recursive=True)]
    listening = [c for p in family for c in p.net_connections("inet") if c.status == "LISTEN"]
    assert {c.laddr.port for c in listening} == {int(served.url.rpartition(":")[2])}
    sockets = [c.laddr for p in family for c in p.net_connections("unix") if c.laddr]
    assert not [path for path in sockets if "gunicorn" in str(path)]
    assert sum(p.memory_info().rss for p in family) < 150 * 1024 * 1024


@pytest.mark.slow
def test_signing_in_does_not_stall_the_others(served: Served) -> None:
    began = time.monotonic()
    floods = [
        subprocess.Popen(
            [sys.executable, "-c", FLOOD, served.url, str(n)], stdout=subprocess.DEVNULL
        )
        for n in range(2)
    ]
    took = []
    try:
        while any(flood.poll() is None for flood in floods) and time.monotonic() - began < 30:
            start = time.monotonic()
            assert served.get("/api/v1/me").status_code == 200
            took.append(time.monotonic() - start)
    finally:
        for flood in floods:
            flood.kill()
            flood.wait(timeout=10)
    took.sort()
    assert took[len(took) // 2] < 0.3


FLOOD = """
import sys, requests
for n in range(10):
    body = {"name": f"user-{sys.argv[2]}-{n}", "password": "no"}
    requests.post(sys.argv[1] + "/auth/sign-in", json=body, timeout=10)
"""


FRAMINGS = (
    b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v1/me HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\naa",
    b"POST /api/v1/me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nab",
    b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na",
    b"GET /api/v1/me HTTP/1.1\r\n Host: x\r\n\r\n",
    b"GET /api/v1/me\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
)


@pytest.mark.slow
def test_a_request_of_two_meanings_gets_one_answer_at_most(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])
    for framing in FRAMINGS:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
            raw.sendall(framing)
            raw.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := raw.recv(65536):
                answer += chunk
        assert answer.count(b"HTTP/1.1 ") <= 1, framing
        assert b" 200 " not in answer, framing


@pytest.mark.slow
def test_a_body_in_chunks_is_read_and_one_that_is_too_long_is_refused(served: Served) -> None:
    headers = {"Authorization": f"Bearer {served.token}", "Content-Type": "application/json"}
    for blanks, status in ((0, 200), (20, 413)):
        chunks = [b"{}", *[b" " * 65_536] * blanks]
        url = served.url + "/api/v1/groups/g"
        answer = requests.put(url, data=iter(chunks), headers=headers, timeout=10)
        assert answer.status_code == status, answer.text
