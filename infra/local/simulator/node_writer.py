"""Writes what one node's agent reads; only what changed, each file in one step."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from infra.local.simulator.layout import NodeFolder
from infra.local.simulator.objects import Pod
from infra.local.simulator.process import Process


class NodeWriter:
    """Keeps one node's folder as it should be."""

    def __init__(self, folder: NodeFolder) -> None:
        self._folder = folder
        self._scenario = ""
        self._made: dict[int, Process] = {}
        for path in (folder.proc, folder.pod_logs):
            path.mkdir(parents=True, exist_ok=True)

    def write(self, scenario: str, pods: Sequence[Pod], processes: Sequence[Process]) -> None:
        """New pids appear in /proc before the driver lists them and leave after it stops to."""
        self._keep(self._folder.pod_logs, [f"{p.namespace}_{p.name}_{p.uid}" for p in pods])
        for process in processes:
            self._make(process)
        self._made = {process.pid: process for process in processes}
        if scenario != self._scenario:
            replace_text(self._folder.scenario, scenario)
            self._scenario = scenario
        self._keep(self._folder.proc, [str(process.pid) for process in processes])

    def _make(self, process: Process) -> None:
        home = self._folder.proc / str(process.pid)
        if self._made.get(process.pid) != process:
            home.mkdir(exist_ok=True)
            replace_text(home / "cgroup", process.cgroup)
            replace_text(home / "stat", process.stat)

    def _keep(self, folder: Path, names: Sequence[str]) -> None:
        """Folders of these names and no others."""
        wanted, there = set(names), {path.name for path in folder.iterdir()}
        for name in sorted(there - wanted):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in sorted(wanted - there):
            (folder / name).mkdir()


def replace_text(path: Path, text: str) -> None:
    """Write the file so that a reader sees the old or the new text, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)
