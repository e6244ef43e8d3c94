"""``neurox-agent check``: what the agent finds on this node, before anybody installs it."""

import argparse
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.devices import Devices
from agent.environment import SettingsError
from agent.journal import plain
from agent.nvml.driver import Driver
from agent.nvml.errors import DriverUnavailable
from agent.sampler import Sampler
from agent.settings import Settings
from agent.snapshot import Gpu, Snapshot
from agent.sources import Sources

GOOD, LACKING, FAILED = 0, 1, 2
"""Exit codes."""

WAIT_SECONDS = 10.0
"""For a driver, a kubelet and an API server that are slow to answer."""


@dataclass(frozen=True)
class Finding:
    """One thing looked for. ``good`` is None where nobody asked for it."""

    about: str
    good: bool | None
    says: str


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "check",
        help="print what the agent finds on this node: driver, GPUs, kubelet, pods, processes",
        description="Read every GPU once and ask the kubelet and the API server that the settings "
        "name, as the agent would, and print what was found and what was not.",
        epilog="Exit code: 0 all that was asked for is there, 1 something is not, 2 bad settings.",
    )
    parser.add_argument(
        "--output", choices=("text", "json"), default="text", help="how to print (default: text)"
    )
    parser.set_defaults(command=_check)


def _check(asked: argparse.Namespace) -> int:
    notes = _Notes()
    logging.getLogger().addHandler(notes)
    try:
        settings = Settings.from_env({"NEUROX_AGENT_NODE": socket.gethostname(), **os.environ})
        found = look(settings)
    except (SettingsError, DriverUnavailable) as error:
        sys.stderr.write(f"neurox-agent check: {plain(str(error))}\n")
        return FAILED
    if asked.output == "json":
        rows = {"findings": [asdict(one) for one in found], "notes": notes.said}
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        sys.stdout.write("".join(_lines(found, notes.said)))
    return LACKING if any(one.good is False for one in found) else GOOD


def look(settings: Settings, wait_seconds: float = WAIT_SECONDS) -> list[Finding]:
    """Everything once; what does not answer in time is a finding too."""
    sources, stop = Sources.of(settings), threading.Event()
    devices = Devices(Driver(settings.detail), sources.sight.proc)
    sampler = Sampler(devices, sources.attribution, sources.kubelet)
    for name, follow in (*sources.threads(), ("sampler", sampler.run)):
        threading.Thread(target=follow, args=(stop,), name=name, daemon=True).start()
    deadline = time.monotonic() + wait_seconds
    while not _answered(sampler.snapshot) and time.monotonic() < deadline:
        stop.wait(0.05)
    snapshot = sampler.snapshot
    stop.set()
    return list(_findings(settings, snapshot, sources.sight.reason))


def _answered(snapshot: Snapshot | None) -> bool:
    """Whether nothing that was asked for is still to come."""
    waited_for = ("neurox_agent_kubelet_up", "neurox_agent_pods_up")
    return snapshot is not None and all(snapshot.agent.get((one, ()), 1) for one in waited_for)


def _findings(
    settings: Settings, snapshot: Snapshot | None, hidden: str | None
) -> Iterator[Finding]:
    yield Finding("library", (library := _library()) is not None, library or "not loaded")
    if snapshot is None:
        yield Finding("driver", False, "a call of the driver does not come back")
        return
    driver = snapshot.problem or f"{snapshot.driver}, CUDA {snapshot.cuda}"
    yield Finding("driver", snapshot.problem is None, driver)
    yield Finding("GPUs", bool(snapshot.gpus) or None, str(len(snapshot.gpus)))
    for gpu in snapshot.gpus:
        yield _gpu(gpu)
    yield _processes(settings, snapshot, hidden)
    given = f"{len(snapshot.allocations)} devices given to containers"
    yield _source("kubelet", "NEUROX_AGENT_POD_RESOURCES", settings.pod_resources, snapshot, given)
    yield _source("pods", "NEUROX_AGENT_KUBE_API", settings.kube_api, snapshot, "followed")
    yield from _nameless(settings, snapshot)
    if folder := settings.job_map:
        there = folder.is_dir()
        yield Finding("jobs", there, f"{folder} {'is read' if there else 'is no folder'}")


def _gpu(gpu: Gpu) -> Finding:
    who = gpu.identity
    name = f"GPU {who.index}"
    if not gpu.up:
        return Finding(name, False, f"{who.uuid or 'unknown'} is lost or does not answer")
    mig = f", {len(gpu.migs)} GPU instances" if gpu.migs else ""
    return Finding(name, True, f"{who.model}, {who.uuid}, {len(gpu.values)} readings{mig}")


def _processes(settings: Settings, snapshot: Snapshot, hidden: str | None) -> Finding:
    """``hidden``: why they cannot be seen."""
    if settings.host_pid == "false":
        return Finding("processes", None, "not asked: NEUROX_AGENT_HOST_PID is false")
    if snapshot.problem:
        return Finding("processes", None, "not known without a driver")
    if hidden:
        return Finding("processes", False, hidden)
    unknown = snapshot.usage.unresolved_pids
    return Finding("processes", True, f"visible; {unknown} on GPUs are in pods that nobody names")


def _source(about: str, variable: str, setting: object, snapshot: Snapshot, says: str) -> Finding:
    """``about`` is also the word in the name of its metric."""
    if setting is None:
        return Finding(about, None, f"not asked: {variable} is not set")
    if snapshot.agent.get((f"neurox_agent_{about}_up", ())):
        return Finding(about, True, f"{setting}: {says}")
    return Finding(about, False, f"{setting} does not answer")


def _nameless(settings: Settings, snapshot: Snapshot) -> Iterator[Finding]:
    """Pods that were given a GPU and have no uid, by which alone processes are known as theirs."""
    found = {f"{one.namespace}/{one.pod}" for one in snapshot.allocations if not one.pod_uid}
    if found:
        says = (
            "no process is known as theirs, for neither the API server (NEUROX_AGENT_KUBE_API) "
            f"nor the folders in {settings.pod_logs} (NEUROX_AGENT_POD_LOGS) tell the uid of "
            f"{', '.join(sorted(found))}"
        )
        yield Finding("pod uids", False, says)


def _library() -> str | None:
    """The file of NVML that this process has loaded."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return next((line.split()[-1] for line in lines if "libnvidia-ml.so" in line), None)


def _lines(found: list[Finding], notes: list[str]) -> Iterator[str]:
    marks = {True: "ok", False: "--", None: "  "}
    width = max(len(one.about) for one in found)
    yield from (f"{marks[one.good]}  {one.about:{width}}  {plain(one.says)}\n" for one in found)
    told = [plain(one.says) for one in found if one.good is False]
    yield from (f"    {note}\n" for note in notes if not any(says in note for says in told))


class _Notes(logging.Handler):
    """Why something is not there: the agent's own warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the sentence."""
        self.said.append(plain(record.getMessage()))
