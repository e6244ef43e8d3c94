"""The agent's watches against a real API server."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.apiserver import ApiServer
from agent.pods import HAMI, STATIC, NodePod, PodNames, live_pods
from agent.slices import Slices
from agent.watch import PAGE, Watch

pytestmark = pytest.mark.slow
Eventually = Callable[..., None]
Run = Callable[[Any], Any]


@dataclass(frozen=True)
class Counted(ApiServer):
    """Remembers what was asked."""

    asked: list[Mapping[str, str]] = field(default_factory=list)

    def get(self, link: Any, path: str, query: Mapping[str, str], accept: str) -> Any:
        self.asked.append(query)
        return super().get(link, path, query, accept)


def pod(name: str, node: str = "gpu-1", **annotations: str) -> dict[str, Any]:
    about = {"name": name, "namespace": "vision", "annotations": annotations}
    spec = {"nodeName": node, "containers": [{"name": "main", "image": "busybox"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs something that follows; it ends with its next answer after the test."""
    stop = threading.Event()

    def start(source: Any) -> Any:
        threading.Thread(target=source.run, args=(stop,), daemon=True).start()
        return source

    yield start
    stop.set()


def names(watch: Watch[NodePod]) -> set[str]:
    return {one.name for one in watch.items.values()}


def end(cluster: Any, name: str) -> None:
    kube = cluster.admin()
    kube.apply({**pod(name), "spec": {}, "status": {"phase": "Succeeded"}}, "status")
    kube.close()


def remove(cluster: Any, *names: str) -> None:
    kube = cluster.admin()
    for name in names:
        kube.delete(f"/api/v1/namespaces/vision/pods/{name}?gracePeriodSeconds=0")
    kube.close()


def test_250_pods_of_this_node_come_in_pages(
    cluster: Any, run: Run, eventually: Eventually
) -> None:
    many = [f"many-{number}" for number in range(250)]
    cluster.apply(*(pod(name) for name in many), pod("elsewhere", "gpu-2"))
    reader = cluster.reader()
    api = Counted(reader.url, reader.token, reader.ca)
    watch = run(Watch(api, live_pods("gpu-1")))
    eventually("all are there", lambda: watch.up)
    assert names(watch) == set(many)
    assert all(one["fieldSelector"].startswith("spec.nodeName=gpu-1,") for one in api.asked)
    pages = [one for one in api.asked if "watch" not in one]
    # Pods of another node that follow in the store make the server give one more, empty page.
    assert len(pages) - 250 / PAGE in {0, 1}
    assert {one["limit"] for one in pages} == {"25"}
    remove(cluster, *many)
    eventually("all are gone", lambda: not watch.items)


def test_a_pod_comes_ends_and_goes(cluster: Any, run: Run, eventually: Eventually) -> None:
    watch = run(Watch(cluster.reader(), live_pods("gpu-3")))
    eventually("it is up", lambda: watch.up)
    cluster.apply(pod("a", "gpu-3", **{HAMI: "GPU-1"}), pod("b", "gpu-3", **{STATIC: "0f" * 16}))
    eventually("both are there", lambda: names(watch) == {"a", "b"})
    assert {one.hami for one in watch.items.values()} == {"GPU-1", ""}
    assert "0f" * 16 in {one.uid for one in watch.items.values()}
    end(cluster, "a")
    eventually("one that ended is gone", lambda: names(watch) == {"b"})
    remove(cluster, "a", "b")
    eventually("the other is gone", lambda: not watch.items)


def test_names_come_from_log_folders_while_we_may_not_ask(
    cluster: Any,
    run: Run,
    eventually: Eventually,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster.refuse()
    (tmp_path / "vision_old_5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b").mkdir()
    watch = Watch(cluster.reader(), live_pods("gpu-4"))
    known = PodNames(tmp_path, watch)
    try:
        run(watch)
        eventually("it is refused", lambda: "pods is forbidden" in caplog.text)
        known.refresh()
        assert known.up is False
        assert known.of("5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b") == ("vision", "old")
        assert not known.ended(("vision", "old"))
    finally:
        cluster.let_read()
    eventually("it may ask again", lambda: watch.up)
    known.refresh()
    assert known.ended(("vision", "old"))


def test_a_restarted_api_server_is_followed_again(
    cluster: Any, run: Run, eventually: Eventually
) -> None:
    cluster.apply(pod("stays", "gpu-5"), pod("goes", "gpu-5"))
    watch = run(Watch(cluster.reader(), live_pods("gpu-5")))
    eventually("both are there", lambda: names(watch) == {"stays", "goes"})
    cluster.stop("kube-apiserver")
    eventually("it is away", lambda: not watch.up)
    assert names(watch) == {"stays", "goes"}
    cluster.start("kube-apiserver")
    remove(cluster, "goes")
    cluster.apply(pod("comes", "gpu-5"))
    eventually("it goes on", lambda: watch.up and names(watch) == {"stays", "comes"})
    remove(cluster, "stays", "comes")


def test_a_version_too_old_is_listed_anew(cluster: Any, run: Run, eventually: Eventually) -> None:
    cluster.apply(pod("c", "gpu-6"))
    reader = cluster.reader()
    api = Counted(reader.url, reader.token, reader.ca)
    watch = Watch(api, live_pods("gpu-6"))
    watch.version = "1"
    run(watch)
    eventually("it is there", lambda: names(watch) == {"c"})
    eventually("it is followed", lambda: len(api.asked) > 2)
    assert ["watch" in one for one in api.asked] == [True, False, True]
    remove(cluster, "c")


def test_a_claimed_device_has_the_uuid_of_its_slice(
    cluster: Any, run: Run, eventually: Eventually
) -> None:
    devices = [
        {"name": "gpu-0", "attributes": {"uuid": {"string": "GPU-1"}, "type": {"string": "gpu"}}},
        {"name": "gpu-1", "attributes": {"gpu.nvidia.com/uuid": {"string": "MIG-2"}}},
        {"name": "nic-0", "attributes": {"index": {"int": 0}}},
    ]
    pool = {"name": "gpu-7", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "gpu.nvidia.com", "nodeName": "gpu-7", "pool": pool, "devices": devices}
    cluster.apply(
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": "gpu-7"},
            "spec": spec,
        }
    )
    slices = run(Slices(cluster.reader(), "gpu-7"))

    def told(claim: str) -> str | None:
        slices.refresh()
        return slices.uuid(claim)

    eventually("it is known", lambda: told("gpu-7/gpu-0") == "GPU-1")
    assert told("gpu-7/gpu-1") == "MIG-2"
    assert told("gpu-7/nic-0") is None
