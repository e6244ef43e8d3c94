"""A cluster that leaves, or is removed, takes nothing of its history with it."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from neurox_web import SETTINGS, Web, cluster, gpu, mounted, running
from redis import Redis

from controllers.domain.workload import Intent, WorkloadSpec
from controllers.relay import join
from controllers.store import keys
from controllers.store.clusters import REMOVED_KEPT
from controllers.store.intents import Intents
from controllers.store.links import Turn
from infra.tools.toolbox import Toolbox
from tests.conftest import free_port

DONE = replace(running("done"), state="Succeeded", finished_at=time.time(), user="mia")


@dataclass(frozen=True)
class RealThanos:
    """Receive and query, as `neurox up` starts them; tenants are put there as blocks."""

    tools: Toolbox
    folder: Path
    ports: tuple[int, ...]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def keep(self, tenant: str) -> None:
        """Ten minutes of a GPU, a minute ago."""
        now = int(time.time()) - 60
        name = "neurox_gpu_utilization_ratio"
        rows = [
            f'{name}{{node="east-0",uuid="GPU-1",gpu="0"}} 0.75 {at}'
            for at in range(now - 600, now, 15)
        ]
        text = "\n".join([f"# TYPE {name} gauge", *rows, "# EOF", ""])
        (self.folder / "series").write_text(text)
        made = self.folder / tenant
        words = [str(self.tools.path("promtool")), "tsdb", "create-blocks-from", "openmetrics"]
        subprocess.run(
            [*words, str(self.folder / "series"), str(made)],
            capture_output=True,
            timeout=60,
            check=True,
        )

    def start(self) -> list["subprocess.Popen[bytes]"]:
        """Both, which find the tenants that lie there."""
        query, grpc, http, write, capnproto, own = (f"127.0.0.1:{port}" for port in self.ports)
        receive = (
            *("receive", f"--http-address={http}", f"--grpc-address={grpc}"),
            *(f"--remote-write.address={write}", f"--receive.capnproto-address={capnproto}"),
            *(f"--tsdb.path={self.folder}", '--label=receive_replica="0"'),
            *("--receive.tenant-label-name=tenant_id", "--receive.default-tenant-id=none"),
        )
        asking = (
            *("query", f"--http-address={query}", f"--grpc-address={own}", f"--endpoint={grpc}"),
            "--query.replica-label=receive_replica",
        )
        program = str(self.tools.path("thanos"))
        quiet = subprocess.DEVNULL
        return [
            subprocess.Popen([program, *words], stdout=quiet, stderr=quiet)
            for words in (receive, asking)
        ]


@pytest.fixture
def thanos(tmp_path: Path) -> Iterator[RealThanos]:
    tools = Toolbox.from_env()
    if missing := tools.missing(("thanos", "promtool")):
        pytest.fail(f"`neurox tools` must make {', '.join(missing)} first")
    made = RealThanos(tools, tmp_path / "tenants", tuple(free_port() for _ in range(6)))
    made.folder.mkdir()
    yield made
    shutil.rmtree(made.folder)


def drawn(web: Web, path: str) -> list[float]:
    """The values of a chart's lines that are known."""
    answer = web.get(path)
    assert answer.status_code == 200, answer.text
    body: Any = answer.json
    return [value for column in body["columns"] for value in column if value is not None]


def first_drawn(web: Web, path: str, seconds: float) -> list[float]:
    """The same, once Thanos has found what lies there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if web.get(path).status_code == 200 and (found := drawn(web, path)):
            return found
        time.sleep(0.2)
    raise AssertionError(f"nothing is drawn within {seconds:g} s")


@pytest.mark.slow
def test_metrics_of_a_removed_cluster_are_drawn_as_before(redis: Redis, thanos: RealThanos) -> None:
    web = mounted(redis, replace(SETTINGS, thanos_url=thanos.url))
    east = cluster(web, "east")
    thanos.keep(east.id)
    processes = thanos.start()
    chart = "/series/utilization?from=-15m&step=60&cluster="
    try:
        before = first_drawn(web, chart + "east", seconds=60)
        assert set(before) == {0.75}
        assert web.delete("/clusters/east").status_code == 204
        assert len(drawn(web, chart + "east")) >= len(before) - 1
        assert web.post("/clusters", {"name": "east"}).status_code == 201
        assert drawn(web, chart + "east") == [], "another cluster of that name has its own"
        assert set(drawn(web, chart + east.id)) == {0.75}
        assert drawn(web, "/series/utilization?from=-15m&step=60") == []
    finally:
        for process in processes:
            process.terminate()
            process.wait(30)


def test_workloads_of_a_removed_cluster_stay_as_they_ended(web: Web) -> None:
    made = cluster(web, workloads={"done": DONE, "w-1": running("w-1")})
    spec = WorkloadSpec("train", "eyes", "vision", "a", 1, 1)
    for name in ("done", "w-1"):
        web.stores.intents.add(Intent(name, spec, "mia", 0.0, cluster=made.id))
    before: Any = web.get("/workloads/done").json
    assert web.delete("/clusters/east").status_code == 204
    after: Any = web.get("/workloads/done").json
    assert (after["state"], after["cluster"]) == ("Succeeded", "east")
    live = {"age_seconds", "reported_at", "report_age_seconds", "sample_age_seconds"}
    assert {k: after[k] for k in after.keys() - live} == {
        k: before[k] for k in before.keys() - live
    }
    assert after["simulated"]
    other: Any = web.get("/workloads/w-1").json
    assert other["state"] == "Stopped"
    assert "was removed from Neurox" in other["reason"]["message"]
    listed: Any = web.get("/workloads?cluster=east").json
    assert listed["total"] == 2


def test_a_cluster_is_removed_though_one_of_its_intents_is_swept_meanwhile(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cluster(web)
    spec = WorkloadSpec("train", "eyes", "vision", "a", 1, 1)
    for name in ("swept", "w-1"):
        web.stores.intents.add(Intent(name, spec, "mia", 0.0, cluster=made.id))
    read = Intents.all

    def swept_just_after(intents: Intents) -> list[Intent]:
        found = read(intents)
        intents.remove("swept")
        return found

    monkeypatch.setattr(Intents, "all", swept_just_after)
    assert web.delete("/clusters/east").status_code == 204
    monkeypatch.undo()
    [kept] = web.stores.intents.all()
    assert (kept.id, "was removed" in str(kept.refusal)) == ("w-1", True)


def test_a_removed_cluster_is_off_every_list_but_that_of_the_removed(web: Web) -> None:
    made = cluster(web)
    web.delete("/clusters/east")
    assert web.get("/clusters").json["total"] == 0  # type: ignore[index]
    assert web.get("/clusters/east").status_code == 404
    assert web.get("/nodes").json["total"] == 0  # type: ignore[index]
    listed: Any = web.get("/clusters?state=removed").json
    [shown] = listed["items"]
    assert (shown["id"], shown["name"], shown["state"]) == (made.id, "east", "removed")
    assert shown["removed_at"] is not None


def test_what_a_removed_cluster_was_is_told_by_its_id(web: Web, redis: Redis) -> None:
    made = cluster(web)
    turn = Turn(time.time() - 60, True, "relay-0")
    history = keys.relay_history(made.id)
    redis.lpush(history, msgspec.json.encode(turn))
    redis.expire(history, 3600)
    web.delete("/clusters/east")
    web.post("/clusters", {"name": "east"})
    assert redis.ttl(history) == -1
    shown: Any = web.get(f"/clusters/{made.id}").json
    assert (shown["name"], shown["state"], shown["nodes"]) == ("east", "removed", 2)
    link: Any = web.get(f"/clusters/{made.id}/link").json
    assert (link["state"], link["reason"]) == ("revoked", "the cluster was removed")
    assert link["since"] == shown["removed_at"]
    assert [each["replica"] for each in link["history"]] == ["relay-0"]
    assert web.get("/clusters/east/link").json["history"] == []  # type: ignore[index]
    for call in (("GET", "checks"), ("POST", "rotate"), ("POST", "revoke"), ("POST", "join")):
        assert web.call(call[0], f"/clusters/{made.id}/{call[1]}").status_code == 404


def test_its_name_is_given_again_without_its_history_or_its_token(web: Web, redis: Redis) -> None:
    made = cluster(web, workloads={"done": DONE})
    token = join.issue(redis, made.id, 60)
    web.delete("/clusters/east")
    assert join.waiting(redis, made.id) is None
    web.post("/clusters", {"name": "east"})
    again: Any = web.get("/clusters/east").json
    assert again["id"] != made.id
    assert again["nodes"] == 0
    assert join.waiting(redis, again["id"]) != token


def test_removed_clusters_are_remembered_up_to_a_number(web: Web) -> None:
    ids = []
    for number in range(REMOVED_KEPT + 1):
        done = replace(DONE, id=f"done-{number}")
        made = cluster(web, f"c-{number}", nodes=1, workloads={done.id: done})
        ids.append(made.id)
        web.stores.redis.lpush(keys.relay_history(made.id), "{}")
        web.delete(f"/clusters/c-{number}")
    listed: Any = web.get("/clusters?state=removed&limit=500").json
    assert {item["id"] for item in listed["items"]} == set(ids[1:])
    assert web.get("/workloads/done-0").status_code == 404
    assert web.get("/workloads/done-1").status_code == 200
    noted = [web.stores.redis.exists(keys.relay_history(each)) for each in ids[:2]]
    assert noted == [0, 1]


def test_a_cluster_that_left_is_lost_with_its_history_and_may_come_back(web: Web) -> None:
    made = cluster(web, workloads={"done": DONE})
    web.stores.samples.put(made.id, [gpu(0)])
    meta = web.stores.states.meta(made.id)
    assert meta is not None
    aged = replace(meta, received_at=meta.received_at - 3600)
    web.stores.redis.set(f"neurox:state:{made.id}:meta", msgspec.json.encode(aged))
    shown: Any = web.get("/clusters/east").json
    assert (shown["state"], shown["nodes"], shown["gpus"]) == ("lost", 2, 16)
    assert web.get("/workloads/done").json["state"] == "Succeeded"  # type: ignore[index]
    assert web.post("/clusters/east/join", {}).status_code == 201
    back: Any = web.get("/clusters/east").json
    assert back["id"] == made.id
    assert web.get("/workloads/done").json["state"] == "Succeeded"  # type: ignore[index]
