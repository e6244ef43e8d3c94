"""What an agent with all that it can be given takes of a node's memory."""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.agent.models import scenario
from tests.agent.podresources import Answering, devices
from tests.agent.podresources import pod as held
from tests.agent.running import address, spawned

pytestmark = pytest.mark.slow
PODS, GPUS, MOST_KIB = 250, 8, 45 * 1024
NODE = "gpu-8"


def pod(number: int) -> dict[str, Any]:
    about = {"name": f"training-of-some-model-{number:03d}", "namespace": "vision"}
    spec = {"nodeName": NODE, "containers": [{"name": "main", "image": "registry.example/a:1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}


def given(number: int) -> bytes:
    """A pod's part of the kubelet's answer; the first eight have a GPU each."""
    uuid = f"GPU-00000000-0000-0000-0000-{number:012}"
    gpu = devices("nvidia.com/gpu", uuid) if number < GPUS else b""
    return held(pod(number)["metadata"]["name"], gpu)


def test_with_250_pods_a_watch_and_the_kubelet_it_is_below_45_mib(
    cluster: Any, library: Path, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    cluster.apply(*map(pod, range(PODS)))
    reader = cluster.reader()
    socket = tmp_path / "kubelet.sock"
    kubelet = Answering(socket, b"".join(map(given, range(PODS))))
    agent = spawned(
        library,
        tmp_path,
        scenario("h200", GPUS),
        NODE=NODE,
        POD_RESOURCES=str(socket),
        KUBE_API=reader.url,
        KUBE_TOKEN=str(reader.token),
        KUBE_CA=str(reader.ca),
        DCGM="both",
    )
    try:
        url, _ = address(agent)
        assert agent.stderr
        threading.Thread(target=agent.stderr.read, daemon=True).start()

        def told() -> bool:
            text = requests.get(f"{url}/metrics", timeout=5).text
            given = text.count('resource="nvidia.com/gpu",mode="exclusive"')
            return given == GPUS and up <= set(text.splitlines())

        up = {f'neurox_agent_{one}_up{{node="{NODE}"}} 1' for one in ("kubelet", "pods")}
        eventually("every source is up", told)
        for _ in range(50):
            assert "DCGM_FI_DEV_GPU_UTIL" in requests.get(f"{url}/dcgm/metrics", timeout=5).text
            assert told()
        status = Path(f"/proc/{agent.pid}/status").read_text()
        rss = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert rss is not None
        assert int(rss[1]) < MOST_KIB, rss[1]
    finally:
        agent.kill()
        agent.wait(timeout=10)
        kubelet.stop()
