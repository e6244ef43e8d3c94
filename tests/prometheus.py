"""A real Prometheus of a test."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from infra.tools.toolbox import Toolbox
from tests.conftest import free_port

START_SECONDS = 90.0


class Prometheus:
    """One that was started; its configuration, data and log lie in ``folder``."""

    def __init__(self, folder: Path, configuration: Any, *words: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.log = folder / "log"
        folder.mkdir(exist_ok=True)
        (folder / "prometheus.yml").write_text(json.dumps(configuration))
        command = [str(Toolbox.from_env().path("prometheus")), *words]
        command += ["--config.file=prometheus.yml", f"--web.listen-address={self.address}"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, stderr=log)

    def get(self, path: str, **parameters: str) -> Any:
        """What its API answers."""
        url = f"http://{self.address}/api/v1/{path}"
        answer = requests.get(url, params=parameters, timeout=5).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def ask(self, query: str, by: str = "instance") -> dict[str, str]:
        """The values that a query finds, by one label."""
        rows = self.get("query", query=query)["result"]
        return {row["metric"].get(by, ""): row["value"][1] for row in rows}

    def until(self, told: Callable[[], bool]) -> None:
        """Wait for what it tells; it may still be starting."""
        deadline = time.monotonic() + START_SECONDS
        while not _true(told):
            said = f"not within {START_SECONDS:g} s: {self.log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, said
            threading.Event().wait(0.1)


def _true(told: Callable[[], bool]) -> bool:
    try:
        return told()
    except requests.RequestException:
        return False


@contextmanager
def prometheus(folder: Path, configuration: Any, *words: str) -> Iterator[Prometheus]:
    """One that ends with the block."""
    started = Prometheus(folder, configuration, *words)
    try:
        yield started
    finally:
        started.process.terminate()
        started.process.wait(timeout=20)
