import socket
import threading
from contextlib import closing, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from agent import apiserver
from agent.apiserver import ApiFailed, ApiServer, body, in_time
from agent.pods import live_pods
from agent.watch import Watch


def test_a_file_that_is_no_ca_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("not a certificate")
    for path in (tmp_path / "ca", tmp_path / "absent"):
        with pytest.raises(ApiFailed, match=f"{path} is no CA: "):
            ApiServer("https://k8s", ca=path).connect()


@pytest.mark.parametrize("token", [b"", b"two words", b"secret\r\nX-A: b", b"secret\xff"])
def test_a_file_that_holds_no_token_is_named_but_not_quoted(tmp_path: Path, token: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(token)
    api = ApiServer("http://k8s", path)
    with pytest.raises(ApiFailed) as refused:
        api.get(api.connect(), "/api/v1/pods", {}, "application/json")
    assert str(refused.value) == f"{path} holds no token: one word of ASCII"


def test_a_token_that_is_not_there_is_told_with_its_path(tmp_path: Path) -> None:
    api = ApiServer("http://k8s", tmp_path / "token")
    with pytest.raises(ApiFailed) as refused:
        api.get(api.connect(), "/api/v1/pods", {}, "application/json")
    said = f"the token {tmp_path}/token cannot be read: No such file or directory"
    assert str(refused.value) == said


def test_an_answer_that_dribbles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apiserver, "_ANSWER_SECONDS", 0.2)

    class Dribble(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while not over.wait(0.02):
                    self.wfile.write(b" ")
            except OSError:
                over.set()

        def log_message(self, format: str, *args: object) -> None:
            """Not asked for."""

    over = threading.Event()
    with HTTPServer(("127.0.0.1", 0), Dribble) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with closing(HTTPConnection("127.0.0.1", server.server_port, timeout=10)) as link:
            late = pytest.raises(ApiFailed, match=r"the answer is not done after 0\.2 s")
            with late, in_time(link):
                link.request("GET", "/")
                body(link.getresponse())
        over.set()
        thread.join(10)


DRIBBLES = {
    "head": b"HTTP/1.1 200 OK\r\nx-a: ",
    "reason": b"HTTP/1.1 500 No\r\n\r\n",
    "size of a chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    "body": b"HTTP/1.1 200 OK\r\n\r\n",
}


@pytest.mark.parametrize("begun", DRIBBLES)
def test_no_part_of_an_answer_may_dribble(begun: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apiserver, "_ANSWER_SECONDS", 0.3)
    over = threading.Event()

    def dribble(listening: socket.socket) -> None:
        accepted, _ = listening.accept()
        with accepted, suppress(OSError):
            accepted.recv(65536)
            accepted.sendall(DRIBBLES[begun])
            while not over.wait(0.02):
                accepted.sendall(b"0")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=dribble, args=(listening,))
        thread.start()
        port = listening.getsockname()[1]
        watch = Watch(ApiServer(f"http://127.0.0.1:{port}"), live_pods("gpu-1"))
        link = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            with pytest.raises(ApiFailed, match=r"the answer is not done after 0\.3 s"):
                watch._list(link)
        finally:
            over.set()
            link.close()
            thread.join(10)
