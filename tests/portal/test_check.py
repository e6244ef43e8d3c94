"""What `helm test` says of an installation, asked over real sockets."""

import sys
import threading
from collections.abc import Iterator

import pytest
from neurox_web import Web
from werkzeug.serving import BaseWSGIServer, make_server

from portal import check
from tests.conftest import free_port


@pytest.fixture
def place(web: Web) -> Iterator[str]:
    """HOST:PORT of portal, api and auth."""
    server = make_server("127.0.0.1", 0, web.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.port}"
    server.shutdown()
    thread.join(10)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["check", *words])
    return check.main()


def test_what_is_ready_is_named(
    place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, f"--at=api,auth={place}", f"--at=sign-in page={place}") == 0
    assert capsys.readouterr().out == "ready: api, auth, sign-in page\n"


def test_a_part_that_answers_otherwise_is_named_with_its_answer(
    place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, f"--at=api,tunnel={place}") == 1
    assert "tunnel: /readyz answered 404, not 200" in capsys.readouterr().err


def test_a_part_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    assert run(monkeypatch, f"--at=tunnel={nobody}") == 1
    assert "tunnel: no answer to /readyz" in capsys.readouterr().err
    words = (f"--receive=http://{nobody}/api/v1/receive", f"--query=http://{nobody}")
    assert run(monkeypatch, *words) == 1
    assert "metrics: " in capsys.readouterr().err


def test_what_becomes_ready_in_time_is_well(
    web: Web, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    refused = threading.Event()

    def asked(*words: object) -> Iterator[str]:
        found = list(failures(*words))
        if found:
            refused.set()
        return iter(found)

    failures = check.failures
    monkeypatch.setattr(check, "failures", asked)

    def start() -> None:
        refused.wait(10)
        server = make_server("127.0.0.1", port, web.app, threaded=True)
        servers.append(server)
        server.serve_forever()

    servers: list[BaseWSGIServer] = []
    thread = threading.Thread(target=start)
    thread.start()
    assert run(monkeypatch, f"--at=api=127.0.0.1:{port}", "--patience=20") == 0
    assert refused.is_set()
    assert capsys.readouterr().out == "ready: api\n"
    servers[0].shutdown()
    thread.join(10)
