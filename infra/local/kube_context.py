"""A Kubernetes cluster of the user's own, by a context of their kubeconfig.

The Kubernetes client, which is large, runs in a process of its own: `infra.local.kube_writer`.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local import secret_file, step
from infra.local.errors import USAGE, LocalError
from infra.local.once import Once
from infra.local.sandbox_access import MANAGER, RELAY, RIGHTS, kubeconfig_name
from infra.local.workload_cluster import NAMESPACE, Kubernetes

PROGRAM = "infra.local.kube_writer"
WRITTEN = f"namespace {NAMESPACE}, cluster roles and admission policies named neurox-..."


@dataclass(frozen=True)
class Context:
    """A context and the kubeconfig files that it is in; empty: the default one."""

    name: str
    kubeconfig: str

    @classmethod
    def from_env(cls, name: str, env: Mapping[str, str]) -> "Context":
        """As the caller's shell has it; remembered, so that `down` finds it from another one."""
        files = filter(None, env.get("KUBECONFIG", "").split(os.pathsep))
        return cls(name, os.pathsep.join(str(Path(file).absolute()) for file in files))


def _write(verb: str, context: Context, folder: Path, *more: str) -> str:
    env = {"KUBECONFIG": context.kubeconfig} if context.kubeconfig else {}
    what = f"kube context {context.name}"
    return step.python(what, (PROGRAM, verb, "--context", context.name, *more), env, folder)


def preflight(context: Context, folder: Path) -> str:
    """Its server and version in words; LocalError when it is silent for 5 s or refuses us."""
    found = json.loads(_write("check", context, folder, "--rights", str(RIGHTS)))
    return f"{found['server']} (Kubernetes {found['version']})"


def confirm(name: str, where: str, yes: bool) -> None:
    """Say what will be written and ask; LocalError unless agreed."""
    sys.stdout.write(
        f"neurox would write into {name} at {where}:\n"
        f"  namespace {NAMESPACE}, with the ServiceAccounts {MANAGER} and {RELAY}, their roles,\n"
        "  a join Secret, the relay's key Secret and the policy ConfigMap,\n"
        "  and admission policies for namespaces labelled neurox.io/managed=true.\n"
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
    _write("remove", context, state, "--rights", str(RIGHTS))
    shutil.rmtree(state / "clusters" / name, ignore_errors=True)
