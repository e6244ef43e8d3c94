"""A Kubernetes cluster of the user's own, by a context of their kubeconfig.

The Kubernetes client, which is large, runs in a process of its own: `infra.local.kube_writer`.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from infra.local import secret_file, step
from infra.local.errors import USAGE, LocalError
from infra.local.once import Once
from infra.local.sandbox_access import MANAGER, RELAY, RIGHTS, kubeconfig_name
from infra.local.workload_cluster import NAMESPACE, Kubernetes

SANDBOX = re.compile(r"sandbox-\d+")
PROGRAM = "infra.local.kube_writer"
WRITTEN = f"namespace {NAMESPACE}, cluster roles and admission policies named neurox-..."


@dataclass(frozen=True)
class Context:
    """A context and the kubeconfig files that it is in; empty: the default one."""

    name: str
    kubeconfig: str
    server: str = ""
    """Where it pointed when the person agreed; known after ``preflight``."""

    @classmethod
    def from_env(cls, name: str, env: Mapping[str, str]) -> "Context":
        """As the caller's shell has it; remembered, so that `down` finds it from another one."""
        files = filter(None, env.get("KUBECONFIG", "").split(os.pathsep))
        return cls(name, os.pathsep.join(str(Path(file).absolute()) for file in files))

    @classmethod
    def of(cls, row: Mapping[str, str]) -> "Context":
        """As the state remembers it."""
        return cls(row["context"], row.get("kubeconfig", ""), row.get("server", ""))

    def row(self) -> dict[str, str]:
        """What the state remembers; equal only for the same cluster by the same credentials."""
        return {"context": self.name, "kubeconfig": self.kubeconfig, "server": self.server}


def _write(verb: str, context: Context, folder: Path, *more: str) -> str:
    env = {"KUBECONFIG": context.kubeconfig} if context.kubeconfig else {}
    what = f"kube context {context.name}"
    return step.python(what, (PROGRAM, verb, "--context", context.name, *more), env, folder)


@dataclass(frozen=True)
class Target:
    """A context that answered: its version, and what would be written there, by kind."""

    context: Context
    version: str
    writes: Mapping[str, Sequence[str]]


def preflight(context: Context, folder: Path) -> Target:
    """Ask it; LocalError when it is silent for 5 s or would refuse us."""
    found = json.loads(_write("check", context, folder, "--rights", str(RIGHTS)))
    there = replace(context, server=str(found["server"]))
    return Target(there, str(found["version"]), found["writes"])


def local_name(context: Context, clusters: Mapping[str, Mapping[str, str]]) -> str:
    """The name of its cluster here: the one it has, else a new one that no other cluster has."""
    for name, row in clusters.items():
        if row == context.row():
            return name
    short = re.sub(r"[^a-z0-9]+", "-", context.name.lower()).strip("-")[:40].strip("-")
    short = short or "context"
    if SANDBOX.fullmatch(short):
        short = f"context-{short}"  # `up` without --context makes one of that name
    numbered = (f"{short}-{number}" for number in count(2))
    return next(name for name in chain([short], numbered) if name not in clusters)


def confirm(target: Target, yes: bool) -> None:
    """Say what will be written and ask; LocalError unless agreed."""
    where = f"{target.context.server} (Kubernetes {target.version})"
    lines = [f"  {kind}: {', '.join(sorted(names))}" for kind, names in target.writes.items()]
    sys.stdout.write(
        f"neurox would write into {target.context.name} at {where}:\n"
        + "".join(f"{line}\n" for line in lines)
        + f"  in {NAMESPACE} also the join Secret. The admission policies hold Jobs with GPUs in\n"
        "  namespaces labelled neurox.io/managed=true, and in no other.\n"
        "`neurox down` removes all of it.\n"
    )
    if yes:
        return
    if not sys.stdin.isatty():
        raise LocalError("nobody can be asked here; add --yes to agree.", USAGE)
    sys.stdout.write("Go on? [y/N] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise LocalError("nothing was written.")


def access(context: Context, state: Path, folder: Path) -> Kubernetes:
    """What the manager and the relay-client need of it."""
    kubeconfigs = folder / "kubeconfig"

    def prepare() -> None:
        _write("install", context, state, "--rights", str(RIGHTS), "--out", str(kubeconfigs))

    def apply(text: str) -> None:
        file = folder / "join-secret.yaml"
        secret_file.write(file, text)
        try:
            _write("apply", context, state, "--file", str(file))
        finally:
            file.unlink()

    return Kubernetes(
        needs=(),
        prepare=Once(prepare),
        apply=apply,
        manager_kubeconfig=kubeconfigs / kubeconfig_name(MANAGER),
        relay_kubeconfig=kubeconfigs / kubeconfig_name(RELAY),
    )


def leave(name: str, context: Context, state: Path) -> None:
    """Take out what was written there, and the files that go with it."""
    _write("remove", context, state, "--rights", str(RIGHTS), "--server", context.server)
    shutil.rmtree(state / "clusters" / name, ignore_errors=True)
