"""Small real servers that stand behind the relay: a manager, a metrics store, an API server."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SECRETS_PATH = "/api/v1/namespaces/neurox-system/secrets/"
SECRETS = {
    "neurox-relay-key": "secret",
    "neurox-hub-keys": "hub_keys",
    "neurox-write-token": "write_token",
}


class Answering(BaseHTTPRequestHandler):
    """Keeps connections open, says nothing on the terminal."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status: int, payload: bytes = b"", *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


class Backend:
    """A small HTTP server in a thread; ``seen`` is what its handler chose to note."""

    def __init__(self, handler: type[Answering], tls: Path | None = None) -> None:
        self.seen: list[Any] = []
        self.state: dict[str, Any] = {}
        self.connections = 0
        owner = self

        class Bound(handler):  # type: ignore[misc, valid-type]
            backend = owner

            def setup(self) -> None:
                owner.connections += 1
                super().setup()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls / "relay.crt", tls / "relay.key")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class ManagerHandler(Answering):
    """Says back what it is told. ``made`` and ``ended`` of the state are ids of workloads."""

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.backend.seen.append("slow")
            self.backend.state.setdefault("release", threading.Event()).wait(60)
        elif self.path == "/endless":
            self.send_response(200)
            self.send_header("content-length", str(1 << 40))
            self.end_headers()
            while True:
                self.wfile.write(b"x" * 65536)
        elif self.path.startswith("/pause/"):
            threading.Event().wait(float(self.path.rpartition("/")[2]))  # a stream of that length
        elif self.path.startswith(("/bytes/", "/unframed/")):
            self._bytes(int(self.path.rpartition("/")[2]))
            return
        elif self.path == "/mark":
            self.answer(200, self.backend.state["mark"].encode())
            return
        self.answer(200, self.path.encode())

    def _bytes(self, size: int) -> None:
        """So many, with or without their number in front."""
        self.send_response(200)
        framed = self.path.startswith("/bytes/")
        self.send_header(*(("content-length", str(size)) if framed else ("connection", "close")))
        self.end_headers()
        piece = bytes(range(256)) * 256
        while size > 0:
            self.wfile.write(piece[:size])
            size -= len(piece)

    def do_POST(self) -> None:
        body = self.body()
        if self.path == "/v1/workloads":
            self.backend.state.setdefault("made", []).append(json.loads(body)["id"])
        self.answer(200, body)

    def do_DELETE(self) -> None:
        name = self.path.rpartition("/")[2]
        if name not in self.backend.state.get("made", ()):
            self.answer(404)
            return
        self.backend.state.setdefault("ended", []).append(name)
        self.answer(200)


class ReceiveHandler(Answering):
    def do_POST(self) -> None:
        body = self.body()
        self.backend.seen.append((dict(self.headers), body))
        self.answer(self.backend.state.get("status", 200))


class KubernetesHandler(Answering):
    """Three Secrets and one namespace, with the API server's version check.

    ``pause`` of the state is called before and after each call of joining takes effect; ``patch``
    is what the last one set. ``refuse`` is the status that every patch gets.
    """

    def do_GET(self) -> None:
        self._pause("before")
        if self.headers["authorization"] != "Bearer cluster-token":
            self.answer(401)
        elif self.path == "/api/v1/namespaces/kube-system":
            self._json({"metadata": {"uid": self.backend.state["uid"]}})
        elif self._secret() is not None:
            self._json(self._secret())
        else:
            self.answer(404)

    def do_PATCH(self) -> None:
        patch, secret = json.loads(self.body()), self._secret()
        self.backend.state["patch"] = patch["data"]
        self._pause("before")
        version = secret["metadata"]["resourceVersion"]
        if patch["metadata"]["resourceVersion"] != version:
            self.answer(409)
            return
        if status := self.backend.state.get("refuse"):
            self.answer(status)
            return
        secret["data"] = {**secret.get("data", {}), **patch["data"]}
        secret["metadata"]["resourceVersion"] = str(int(version) + 1)
        self._pause("after")
        self._json(secret)

    def _pause(self, moment: str) -> None:
        pause = self.backend.state.get("pause")
        if pause is not None and not self.path.endswith("/neurox-write-token"):
            pause(self.command, moment)

    def _secret(self) -> Any:
        return self.backend.state.get(SECRETS.get(self.path.removeprefix(SECRETS_PATH), ""))

    def _json(self, value: object) -> None:
        self.answer(200, json.dumps(value).encode())
