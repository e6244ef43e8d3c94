"""Writes the scenario as pods come and go."""

import os
import time
from pathlib import Path

from agent.kubelet import Kubelet
from agent.pods import PodNames
from agent.simulated.node.scenario import gpu_uuids, text
from agent.simulated.node.settings import Settings
from agent.simulated.node.use import first_pids, uses


class ScenarioWriter:
    """Looks at everything afresh on each step; writes only what changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._uuids = gpu_uuids(settings.cluster, settings.node, settings.gpus)
        self._kubelet = Kubelet(settings.pod_resources)
        self._names = PodNames(settings.pod_logs)
        self._written = ""

    def step(self) -> None:
        """Ask the kubelet who holds GPUs, find their processes, and write."""
        self._kubelet.poll()
        self._names.refresh()
        held = self._kubelet.grants(time.monotonic())
        pods = {(one.namespace, one.pod) for one in held}
        using = uses(held, first_pids(self._settings.proc, self._names, pods))
        self._write(text(self._settings.model, self._uuids, using))

    def write_idle(self) -> None:
        """Before anything is known: all GPUs are there and do nothing."""
        self._write(text(self._settings.model, self._uuids, ()))

    def _write(self, scenario: str) -> None:
        if scenario != self._written:
            replace_text(self._settings.scenario, scenario)
            self._written = scenario


def replace_text(path: Path, content: str) -> None:
    """In one step, so that a reader sees the old or the new text, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(content)
    draft.replace(path)
