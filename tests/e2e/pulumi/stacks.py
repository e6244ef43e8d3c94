"""A Pulumi project of its own for a run, with its state in a folder."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from clusters import ROOT, Cluster

UP_SECONDS = 1500
NAMESPACE, JOINED = "neurox-e2e", "neurox-e2e-joined"


@dataclass
class Stack:
    """A stack of the project in ``pulumi/``."""

    folder: Path
    env: dict[str, str]
    control: Cluster
    joining: Cluster
    before: dict[str, set[str]]
    """Every object of each cluster, before anything was brought up."""

    @property
    def state(self) -> str:
        """The state as it lies on disk."""
        files = (self.folder / "state").rglob("*.json")
        return "\n".join(file.read_text() for file in files)

    def run(self, *words: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """A command of the CLI, whatever comes of it."""
        return subprocess.run(
            ["pulumi", "--non-interactive", "--color=never", *words],
            cwd=self.folder / "pulumi",
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def must(self, *words: str, seconds: float = 300) -> str:
        """The output of a command that succeeds."""
        done = self.run(*words, seconds=seconds)
        assert done.returncode == 0, (
            f"pulumi {words[0]}:\n{done.stdout}\n{done.stderr}\n"
            f"{self.control.pods()}\n{self.joining.pods()}"
        )
        return done.stdout

    def up(self, *words: str) -> str:
        """Preview and update, as a person does it."""
        return self.must("up", "--yes", *words, seconds=UP_SECONDS)

    def configure(self, key: str, value: str) -> None:
        """Set a key of the configuration."""
        self.must("config", "set", key, value)

    def set_values(self, **more: Any) -> None:
        """The control plane's values: what the clusters need, and ``more``."""
        file = self.env.get("NEUROX_E2E_VALUES")
        values = yaml.safe_load(Path(file).read_text()) if file else {}
        (self.folder / "values.yaml").write_text(yaml.safe_dump({**(values or {}), **more}))
        self.configure("valuesFile", "../values.yaml")


def lay_out(folder: Path) -> None:
    """The project beside what it refers to, so that its stack file is not left in the checkout."""
    (folder / "pulumi").mkdir()
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / "pulumi" / name, folder / "pulumi" / name)
    (folder / "charts").symlink_to(ROOT / "charts")
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "state").mkdir()


def configure(stack: Stack) -> None:
    """A control plane in one cluster, and the other joined to it."""
    stack.configure("context", stack.control.context)
    stack.configure("host", stack.env.get("NEUROX_E2E_HOST") or stack.control.address())
    stack.configure("keepData", "false")
    stack.configure("namespace", NAMESPACE)
    stack.configure("workloadNamespace", JOINED)
    stack.must("config", "set", "--path", "clusters[0]", f"east={stack.joining.context}")
    stack.set_values()
    if workload := stack.env.get("NEUROX_E2E_WORKLOAD_VALUES"):
        stack.configure("workloadValuesFile", str(Path(workload).resolve()))
