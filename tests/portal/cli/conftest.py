"""The command against a real API on a real port."""

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from neurox_web import Web
from werkzeug.serving import make_server

from portal.cli.main import run


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def server(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The API's address; the command finds it, and the admin's token, in its environment."""
    listening = make_server("127.0.0.1", 0, web.app, threaded=True)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listening.port}"
    monkeypatch.setenv("NEUROX_SERVER", address)
    monkeypatch.setenv("NEUROX_TOKEN", web.admin_token)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    try:
        yield address
    finally:
        listening.shutdown()
        thread.join(5)
        listening.server_close()


@pytest.fixture
def neurox(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Run the command as its entry point does."""

    def call(*words: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["neurox", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run()
        said = capsys.readouterr()
        return Result(int(ended.value.code or 0), said.out, said.err)

    return call
