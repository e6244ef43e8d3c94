"""What the control plane asks of a cluster carries its signature."""

import itertools
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from controllers.control.signer import HubKeyFile, Signer
from controllers.credentials.hub_key import SIGNING, hub_key
from controllers.environment import SettingsError
from controllers.relay.identity import PrivateKey
from controllers.relay.seal import LIFE, Asked
from controllers.workload.lock import Lock

CLUSTER = "c-1"


class Locked(ThreadingHTTPServer):
    """Answers what it was asked, behind the lock of a cluster that knows ``keys``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keys: dict[str, str] = {}
        self.begin()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.connections = 0

    def begin(self) -> None:
        """As another process of the manager, which has heard nothing yet."""
        self.lock = Lock(lambda _: (CLUSTER, self.keys))

    def know(self, *keys: PrivateKey) -> None:
        self.keys = {key.kid: key.public for key in keys}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Locked

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        asked = Asked("POST", self.path, body)
        refusal = self.server.lock.refusal(asked, self.headers.get("authorization", ""))
        self.send_response(refusal.status if refusal else 200)
        if refusal:
            self.send_header(LIFE, self.server.lock.life)
        answer = refusal.body if refusal else body
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def cluster() -> Iterator[Locked]:
    server = Locked()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def session(*keys: PrivateKey, lives: dict[str, str] | None = None) -> requests.Session:
    made = requests.Session()
    made.auth = Signer(lambda: keys, CLUSTER, {} if lives is None else lives)
    return made


NEWEST, FORMER = PrivateKey.generate(), PrivateKey.generate()


@pytest.mark.parametrize("body", [None, b"", b"\x00\xff", "caf\u00e9", b"x" * 1_000_000])
@pytest.mark.parametrize("path", ["/v1/x", "/v1/x?a=b c&d=%2F", "/v1/caf\u00e9?q=\u00e9"])
def test_what_is_sent_is_what_was_signed(
    cluster: Locked, path: str, body: bytes | str | None
) -> None:
    cluster.know(NEWEST)
    with session(NEWEST) as hub:
        assert hub.post(cluster.url + path, data=body, timeout=5).status_code == 200
        assert hub.post(cluster.url + path, data=body, timeout=5).status_code == 200
    assert cluster.connections == 1


def test_a_cluster_that_knows_only_the_former_key_is_asked_by_that(cluster: Locked) -> None:
    cluster.know(FORMER)
    with session(NEWEST, FORMER) as hub:
        answer = hub.post(cluster.url + "/v1/x", data=b"once", timeout=5)
        assert (answer.status_code, answer.content) == (200, b"once")
        assert [each.status_code for each in answer.history] == [401, 401]
        assert len(hub.post(cluster.url + "/v1/x", timeout=5).history) == 1
        cluster.know(NEWEST, FORMER)
        assert hub.post(cluster.url + "/v1/x", timeout=5).history == []
    assert cluster.connections == 1


def test_a_cluster_that_knows_neither_is_asked_by_both_and_no_more(cluster: Locked) -> None:
    cluster.know(PrivateKey.generate())
    with session(NEWEST, FORMER) as hub:
        assert hub.post(cluster.url + "/v1/x", timeout=5).status_code == 401
        assert hub.post(cluster.url + "/v1/x", timeout=5).status_code == 401
    assert dict(cluster.lock.refused) == {"unknown_key": 3 + 2}


def test_a_manager_is_asked_for_its_life_once_by_all_sessions(cluster: Locked) -> None:
    cluster.know(NEWEST)
    lives: dict[str, str] = {}
    asked = []
    for _ in range(2):
        with session(NEWEST, lives=lives) as hub:
            for _ in range(2):
                asked.append(len(hub.post(cluster.url + "/v1/x", timeout=5).history))
    assert asked == [1, 0, 0, 0]
    assert lives == {CLUSTER: cluster.lock.life}


def test_a_manager_that_began_anew_is_asked_again_and_does_it_once(cluster: Locked) -> None:
    cluster.know(NEWEST)
    with session(NEWEST) as hub:
        assert hub.post(cluster.url + "/v1/x", timeout=5).ok
        cluster.begin()
        answer = hub.post(cluster.url + "/v1/x", data=b"once", timeout=5)
        assert (answer.content, len(answer.history)) == (b"once", 1)
        assert hub.post(cluster.url + "/v1/x", timeout=5).history == []
    assert dict(cluster.lock.refused) == {"life": 1}


@pytest.mark.parametrize("told", ["always another", "too long" * 20])
def test_a_manager_that_tells_no_life_that_it_has_is_asked_four_times_at_most(
    cluster: Locked, told: str
) -> None:
    cluster.know(NEWEST, FORMER)
    numbers = itertools.count()

    class Fickle(Lock):
        @property
        def life(self) -> str:
            return f"{next(numbers)} {told}"

        @life.setter
        def life(self, _: str) -> None:
            pass

    cluster.lock = Fickle(lambda _: (CLUSTER, cluster.keys))
    with session(NEWEST, FORMER) as hub:
        assert hub.post(cluster.url + "/v1/x", timeout=5).status_code == 401
    assert dict(cluster.lock.refused) == {"life": 4}


def test_a_body_without_an_end_cannot_be_signed(cluster: Locked) -> None:
    with session(NEWEST) as hub, pytest.raises(TypeError, match="a body of known length"):
        hub.post(cluster.url + "/v1/x", data=iter([b"a", b"b"]), timeout=5)


def test_a_successor_is_noticed_while_it_runs(tmp_path: Path) -> None:
    path, first = tmp_path / SIGNING, hub_key({}, 1)
    path.write_text(first[SIGNING])
    file = HubKeyFile(path)
    (old,) = file.keys()
    path.write_text(hub_key(first, 2)[SIGNING])
    os.utime(path, (1, 1))
    newest, former = file.keys()
    assert (newest.kid != old.kid, former.kid) == (True, old.kid)


@pytest.mark.parametrize("text", ["", "nonsense"])
def test_a_file_that_breaks_later_leaves_the_keys_as_they_were(tmp_path: Path, text: str) -> None:
    path = tmp_path / SIGNING
    path.write_text(hub_key({}, 1)[SIGNING])
    file = HubKeyFile(path)
    before = file.keys()
    path.write_text(text)
    os.utime(path, (1, 1))
    assert file.keys() == before
    path.unlink()
    assert file.keys() == before


def test_a_file_without_a_key_stops_it_at_the_start(tmp_path: Path) -> None:
    (tmp_path / SIGNING).write_text("-----BEGIN PRIVATE KEY-----\nMC4\n-----END PRIVATE KEY-----\n")
    with pytest.raises(SettingsError, match="not a private key in PEM form"):
        HubKeyFile(tmp_path / SIGNING)
