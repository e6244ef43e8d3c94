import os
import signal
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError

import pytest
from redis import Redis

from controllers.domain.cluster import Cluster
from controllers.relay.identity import PrivateKey
from controllers.store import keys
from controllers.store.clusters import Clusters
from tests.conftest import Valkey

Until = Callable[..., None]
NOBODY = "http://127.0.0.1:9"


class Manager:
    """One control-manager process; ``port`` is read from its own words."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "controllers.control"], env=env, stderr=out
            )

    def get(self, path: str) -> str:
        """A body, empty while it does not answer."""
        found = [line for line in self._log.read_text().splitlines() if "answering on" in line]
        if not found:
            return ""
        try:
            address = found[0].rsplit(" ", 1)[1]
            return str(urllib.request.urlopen(f"http://{address}{path}", timeout=5).read(), "utf-8")
        except URLError:
            return ""

    def leads(self) -> bool:
        return "neurox_control_leader 1.0" in self.get("/metrics")


@pytest.fixture
def start(redis_url: str, tmp_path: Path) -> Iterator[Callable[..., Manager]]:
    (tmp_path / "token").write_text("token")
    (tmp_path / "signing.pem").write_text(PrivateKey.generate().pem())
    started: list[Manager] = []

    def start(**more: str) -> Manager:
        env = os.environ | {
            "NEUROX_REDIS_URL": redis_url,
            "NEUROX_THANOS_URL": NOBODY,
            "NEUROX_RELAY_URL": NOBODY,
            "NEUROX_RELAY_TOKEN_FILE": str(tmp_path / "token"),
            "NEUROX_HUB_KEY_FILE": str(tmp_path / "signing.pem"),
            "NEUROX_CONTROL_LISTEN": "127.0.0.1:0",
        }
        manager = Manager(env | more, tmp_path / f"{len(started)}.log")
        started.append(manager)
        return manager

    yield start
    for manager in started:
        manager.process.kill()
        manager.process.wait(10)


def test_one_leads_and_hands_over_when_it_is_ended(
    start: Callable[..., Manager], redis: Redis, until: Until
) -> None:
    Clusters(redis).add(Cluster(str(uuid.uuid4()), "one", 0.0))
    first = start()
    until(first.leads)
    second = start()
    until(lambda: second.get("/readyz") == "ok\n")
    assert not second.leads()
    assert first.get("/healthz") == "ok\n"
    until(lambda: 'loop="dispatch"' in first.get("/metrics"))
    first.process.terminate()
    assert first.process.wait(30) == 0
    until(second.leads)
    second.process.terminate()
    assert second.process.wait(30) == 0
    assert redis.get(keys.LEADER) is None


def test_a_killed_leader_is_succeeded(
    start: Callable[..., Manager], redis: Redis, until: Until
) -> None:
    first = start()
    until(first.leads)
    second = start()
    until(lambda: second.get("/readyz") == "ok\n")
    first.process.kill()
    until(second.leads, 15.0)


def test_a_paused_leader_does_not_lead_when_it_wakes(
    start: Callable[..., Manager], redis: Redis, until: Until
) -> None:
    first = start()
    until(first.leads)
    second = start()
    first.process.send_signal(signal.SIGSTOP)
    until(second.leads, 15.0)
    first.process.send_signal(signal.SIGCONT)
    until(lambda: "neurox_control_leader" in first.get("/metrics"))
    assert not first.leads()
    assert second.leads()


def test_without_redis_nobody_leads_and_afterwards_one_does(
    start: Callable[..., Manager], valkey: Valkey, until: Until
) -> None:
    manager = start(NEUROX_REDIS_URL=valkey.url)
    until(manager.leads)
    until(lambda: 'loop="sweep"' in manager.get("/metrics"))
    valkey.kill()
    until(lambda: "neurox_control_leader 0.0" in manager.get("/metrics"), 15.0)
    assert manager.get("/healthz") == "ok\n"
    assert manager.process.poll() is None
    valkey.start()
    until(manager.leads, 15.0)
    until(lambda: 'loop="sweep"' in manager.get("/metrics"), 15.0)
    words = manager._log.read_text()
    assert words.count("dispatch: Redis does not answer") == 1
    assert "Traceback" not in words


def test_a_bad_setting_ends_it_at_once(start: Callable[..., Manager]) -> None:
    manager = start(NEUROX_THANOS_URL="thanos")
    assert manager.process.wait(10) == 2
    assert "NEUROX_THANOS_URL must begin with http" in manager._log.read_text()
