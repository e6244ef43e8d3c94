"""`make bench-install`: what Neurox asks for and uses on real nodes, beside its limits.

Needs root and the images of `make images`. Each of ``--runs`` runs makes two real nodes, installs
the control plane on one and lets the other join by the generated command; the last one is measured
at rest, by the kubelets' own account of their pods. The exit status is 1 when a median misses its
limit by more than 20 %.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

sys.path.append(str(Path(__file__).parents[1] / "e2e" / "node"))
sys.path.append(str(Path(__file__).parents[1] / "charts"))

from installation import NAMESPACE, Cluster, Installed, eventually, install, started
from size import asked, disk
from up import Figure

from infra.images import upstream
from infra.images.archive_size import compressed_bytes
from infra.images.catalogue import IMAGES, own_platform
from infra.local.node import Network
from infra.tools.toolbox import Toolbox

ROOT = Path(__file__).parents[2]
RIVAL = "12 cores, 24 GiB, 120 GiB"
RUNNING = ("Deployment", "StatefulSet")
SETTLE_SECONDS, REST_SECONDS = 60.0, 60.0
JOIN_SECONDS = 300.0
RENDERS = 5
MIB, GIB = 2**20, 2**30


@dataclass(frozen=True)
class Use:
    """What a container has used since it began, what it holds, and when that was read."""

    seconds: float
    bytes: float
    at: float = 0.0


def rendered(helm: str, chart: str) -> tuple[list[dict[str, Any]], list[float]]:
    """The objects of a chart with its defaults, and how many seconds each rendering took."""
    words, took = (helm, "template", "neurox", str(ROOT / "charts" / chart)), []
    for _ in range(RENDERS):
        began = time.perf_counter()
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
        took.append(time.perf_counter() - began)
    return [each for each in yaml.safe_load_all(done.stdout) if each], took


def asks(helm: str) -> list[Figure]:
    """The sums of requests, and how long the charts take to render."""
    control, control_took = rendered(helm, "neurox")
    workload, workload_took = rendered(helm, "neurox-workload")
    agent = ("DaemonSet",)
    return [
        one("control plane asks for, cores", asked(control, "cpu", RUNNING), "cores", 2),
        one("control plane asks for, memory", asked(control, "memory", RUNNING) / GIB, "GiB", 4),
        one("control plane asks for, disk", disk(control) / GIB, "GiB", 20),
        one("workload plane asks for, cores", asked(workload, "cpu", RUNNING), "cores", 0.5),
        one("workload plane asks for", asked(workload, "memory", RUNNING) / MIB, "MiB", 512),
        one("each agent asks for, cores", asked(workload, "cpu", agent), "cores", 0.05),
        one("each agent asks for", asked(workload, "memory", agent) / MIB, "MiB", 64),
        Figure("render the control plane's chart", control_took, "s", 1),
        Figure("render the workload plane's chart", workload_took, "s", 1),
    ]


def one(what: str, value: float, unit: str, limit: float) -> Figure:
    """A figure that is the same each time, or measured once."""
    return Figure(what, [value], unit, limit)


def archives() -> dict[str, Path]:
    """Our images, as `make images` packs them."""
    folder = ROOT / "build" / "images" / own_platform().architecture
    found = {name: folder / f"{name}.tar" for name in IMAGES}
    missing = [path.name for path in found.values() if not path.exists()]
    if missing:
        sys.exit(f"bench-install needs {', '.join(missing)}: make images, or BASE=debian")
    return found


def pulled(images: dict[str, Path]) -> list[Figure]:
    """What a node pulls of each image."""
    return [
        one(f"image {name}, compressed", compressed_bytes(path) / 1e6, "MB", IMAGES[name].limit_mb)
        for name, path in images.items()
    ]


def joined(hub: Installed, east: Cluster) -> float:
    """Seconds from the generated command to the cluster's being connected."""
    made = hub.send("POST", "/clusters", {"name": "east"})
    began = time.monotonic()
    east.run("bash", "-c", made["command"], stdin=made["secret"])

    def connected() -> bool:
        return bool(hub.send("GET", "/clusters/east")["state"] == "connected")

    eventually("east is connected", connected, JOIN_SECONDS)
    return time.monotonic() - began


def give_gpus(hub: Installed, east: Cluster) -> None:
    """Eight simulated GPUs on east's node, so that its agent has work."""
    chart = str(ROOT / "charts" / "neurox-workload")
    values = ("--reset-then-reuse-values", "--set", "agent.simulated=true", "--wait")
    east.run("helm", "upgrade", "neurox-workload", chart, "-n", NAMESPACE, *values)
    label = ("neurox.io/simulated=true", "nvidia.com/gpu.product=NVIDIA-H200")
    east.kubectl("label", "node", "east", *label)

    def seen() -> bool:
        return any(gpu["utilization"] is not None for gpu in hub.send("GET", "/gpus")["items"])

    eventually("the GPUs of east are seen", seen, 180)


def used(cluster: Cluster) -> dict[tuple[str, str], Use]:
    """By pod and container of ours: what the kubelet read of their cgroups."""
    path = f"/api/v1/nodes/{cluster.node.name}/proxy/stats/summary?only_cpu_and_memory=true"
    pods = json.loads(cluster.kubectl("get", "--raw", path))["pods"]
    return {
        (pod["podRef"]["name"], run["name"]): Use(
            run["cpu"]["usageCoreNanoSeconds"] / 1e9,
            run["memory"]["workingSetBytes"],
            datetime.fromisoformat(run["cpu"]["time"]).timestamp(),
        )
        for pod in pods
        if pod["podRef"]["namespace"].startswith(NAMESPACE)
        for run in pod["containers"]
        if "usageCoreNanoSeconds" in run.get("cpu", {})
    }


def rested(clusters: list[Cluster]) -> list[dict[tuple[str, str], Use]]:
    """What each cluster's containers used a second of the time that nobody used them."""
    time.sleep(SETTLE_SECONDS)
    before = [used(each) for each in clusters]
    time.sleep(REST_SECONDS)
    after = [used(each) for each in clusters]
    return [
        {key: a_second(then[key], now[key]) for key in then}
        for then, now in zip(before, after, strict=True)
    ]


def a_second(then: Use, now: Use) -> Use:
    """The kubelet reads each container when it likes, so each has its own span of time."""
    return Use((now.seconds - then.seconds) / (now.at - then.at), now.bytes)


def at_rest(clusters: list[Cluster]) -> list[Figure]:
    """Both planes when nobody asks anything of them."""
    control, east = rested(clusters)
    agents = [use for (_, run), use in east.items() if run == "agent"]
    plane = [use for (_, run), use in east.items() if run not in ("agent", "simulated-node")]
    for (pod, run), use in sorted({**control, **east}.items()):
        print(f"  {pod}/{run}: {use.seconds:.3f} cores, {use.bytes / MIB:.0f} MiB", file=sys.stderr)
    return [
        one("control plane at rest, cores", cores(control.values()), "cores", 0.3),
        one("control plane at rest, memory", memory(control.values()) / GIB, "GiB", 1.2),
        one("workload plane at rest, cores", cores(plane), "cores", 0.5),
        one("workload plane at rest, memory", memory(plane) / MIB, "MiB", 512),
        Figure("each agent (8 GPUs), cores", [use.seconds for use in agents], "cores", 0.05),
        Figure("each agent (8 GPUs), memory", [use.bytes / MIB for use in agents], "MiB", 64),
    ]


def cores(uses: Any) -> float:
    return sum(use.seconds for use in uses)


def memory(uses: Any) -> float:
    return sum(use.bytes for use in uses)


def measure(folder: Path, runs: int, tools: str, images: list[Path]) -> list[Figure]:
    """Installing and joining, each run; at rest, the last one."""
    installs, joins, rest = [], [], []
    for run in range(runs):
        with ExitStack() as stack:
            (place := folder / f"run-{run}").mkdir()
            network = stack.enter_context(Network(place))
            # `started` is a fixture's generator: what follows its yield takes the node away.
            hub, east = (
                next(closing(stack, started(name, network, images, tools)))
                for name in ("hub", "east")
            )
            control = install(hub, place)
            installs.append(control.took)
            joins.append(joined(control, east))
            say = f"run {run + 1} of {runs}: {installs[-1]:.1f} s, joined {joins[-1]:.1f} s"
            print(say, file=sys.stderr, flush=True)
            if run == runs - 1:
                give_gpus(control, east)
                rest = at_rest([hub, east])
    return [
        Figure("helm install --wait of the control plane", installs, "s", 90),
        Figure("join command to connected", joins, "s", 60),
        *rest,
    ]


def closing(stack: ExitStack, generator: Any) -> Any:
    """The generator, closed with the stack."""
    stack.callback(generator.close)
    return generator


def tool_folder(folder: Path) -> str:
    """helm and kubectl, as a user has them on PATH."""
    box = Toolbox.from_env()
    box.ensure(["helm", "kubectl"])
    folder.mkdir()
    for name in ("helm", "kubectl"):
        (folder / name).symlink_to(box.path(name))
    return str(folder)


def main() -> int:
    """Print the report; 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    asked_for = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    ours = archives()
    with tempfile.TemporaryDirectory(prefix="neurox-bench-") as name:
        folder = Path(name)
        tools = tool_folder(folder / "bin")
        others = upstream.save(Toolbox.from_env(), upstream.CHART, folder / "archives")
        figures = [*asks(f"{tools}/helm"), *pulled(ours)]
        (folder / "nodes").mkdir()
        figures += measure(folder / "nodes", asked_for.runs, tools, [*ours.values(), *others])
    print("\n".join(figure.line() for figure in figures))
    print(f"For 64 GPUs its rival asks for {RIVAL} of disk: its published figures, not measured.")
    return 1 if any(figure.missed for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
