"""Redis and Thanos for real; our own processes are followed by tests/e2e."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from infra.local import monitoring
from infra.local.control_plane import NAMES, ControlPlane, Programs
from infra.local.ports import Ports, address
from infra.local.process import Process
from infra.local.ready import http_ok
from infra.local.state import OURS
from infra.local.supervisor import Supervisor
from infra.tools.toolbox import Toolbox

pytestmark = pytest.mark.slow


def control_plane(folder: Path, ports: Ports) -> ControlPlane:
    tools = Toolbox.from_env()
    programs = Programs(tools.path("valkey-server"), tools.path("thanos"))
    return ControlPlane(folder, ports, ports.get("http"), programs)


def run(
    folder: Path, processes: list[Process], body: Callable[[Supervisor], Awaitable[None]]
) -> None:
    async def main() -> None:
        supervisor = Supervisor(processes, folder, lambda _: None, asyncio.Event())
        supervisor.start()
        try:
            await supervisor.ready(list(supervisor.keepers), 30)
            await body(supervisor)
        finally:
            await supervisor.stop()

    asyncio.run(asyncio.wait_for(main(), 90))


def test_the_names_are_those_of_the_processes(tmp_path: Path) -> None:
    made = control_plane(tmp_path, Ports({})).processes()
    assert {process.name for process in made} == set(NAMES)


def test_a_killed_web_process_leaves_nothing_for_long(tmp_path: Path) -> None:
    made = {process.name: process for process in control_plane(tmp_path, Ports({})).processes()}
    left = Path(made["web"].env["TMPDIR"]) / "neurox-static-x"
    left.mkdir(parents=True)
    made["web"].prepare()
    assert list(left.parent.iterdir()) == []
    assert left.relative_to(tmp_path).parts[0] in OURS  # else a purge would leave it behind


def test_no_secret_is_in_an_argument_list(tmp_path: Path) -> None:
    control = control_plane(tmp_path, Ports({}))
    secrets = [path.read_text() for path in (tmp_path / "secrets").iterdir()]
    assert len(secrets) == 2
    words = [word for process in control.processes() for word in process.argv]
    assert not [word for word in words for secret in secrets if secret in word]
    for path in (tmp_path / "secrets").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_what_redis_acknowledged_survives_a_kill_and_strangers_are_refused(tmp_path: Path) -> None:
    control = control_plane(tmp_path / 'a "b" $d é', Ports({}))
    (server,) = [one for one in control.processes() if one.name == "redis"]

    async def body(supervisor: Supervisor) -> None:
        client = redis.Redis.from_url(control.redis_url, socket_timeout=5)
        client.set("kept", "yes")
        keeper = supervisor.keepers["redis"]
        before = keeper.pid
        assert before is not None
        os.kill(before, 9)
        while keeper.pid in (None, before) or not keeper.ready.is_set():
            await asyncio.sleep(0.02)
        assert client.get("kept") == b"yes"
        stranger = redis.Redis.from_url(control.redis_url.replace("://:", "://:x"))
        with pytest.raises(redis.AuthenticationError):
            stranger.get("kept")
        client.close()
        stranger.close()

    run(tmp_path, [server], body)


def query(url: str, expression: str) -> list[Any]:
    answer = requests.get(f"{url}/api/v1/query", {"query": expression}, timeout=5)
    answer.raise_for_status()
    found: list[Any] = answer.json()["data"]["result"]
    return found


def test_a_scraped_sample_is_queried_by_its_tenant(tmp_path: Path) -> None:
    """Prometheus scrapes itself as if it were an agent, straight into Thanos receive."""
    ports: dict[str, int] = {}
    given = Ports(ports)
    control = control_plane(tmp_path, given)
    thanos = [one for one in control.processes() if one.name.startswith("thanos")]
    listen = given.get("prometheus")
    folder = tmp_path / 'a "b" $d é' / "prometheus"
    write_url = f"http://{address(ports['thanos-receive-write'])}/api/v1/receive"

    def prepare() -> None:
        monitoring.write(folder, write_url, {"gpu-1": address(listen)})
        settings = json.loads((folder / "prometheus.yml").read_text())
        settings["remote_write"][0]["headers"] = {"THANOS-TENANT": "c-1"}
        (folder / "prometheus.yml").write_text(json.dumps(settings))

    prometheus = Process(
        name="prometheus",
        argv=monitoring.argv(Toolbox.from_env().path("prometheus"), folder, address(listen)),
        prepare=prepare,
        ready=http_ok(listen, "/-/ready"),
    )

    async def body(_: Supervisor) -> None:
        async with asyncio.timeout(40):
            while not (found := query(control.thanos_url, "up")):
                await asyncio.sleep(0.1)
        labels = found[0]["metric"]
        assert labels["tenant_id"] == "c-1"
        assert (labels["node"], labels["instance"], labels["job"]) == ("gpu-1", "gpu-1", "agent")
        assert "prometheus" not in " ".join(labels.values())
        # Only neurox_ and up leave a cluster.
        assert query(control.thanos_url, 'count({__name__=~"go_.+|prometheus_.+"})') == []

    run(tmp_path, [*thanos, prometheus], body)
