"""``neurox cluster leave``: take the workload plane out of a cluster, in the order that is safe.

Admission policies go first, so that no Job is held for a manager that is gone. Every step may be
repeated: broken off anywhere, the same command goes on.
"""

import json
import shlex
from typing import Annotated, Any

import typer

from portal.cli import departure, kubectl
from portal.cli.confirmation import confirm
from portal.cli.departure import Release
from portal.cli.failure import PARTIAL, CommandFailed

UNINSTALL_SECONDS = 240.0
"""Pods of ours may take a minute to stop."""


def leave(
    context: Annotated[
        str | None,
        typer.Option("--context", help="The cluster, as your kubeconfig names it."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take Neurox out of a workload cluster; what runs there goes on running.

    Run it as the cluster's owner. Broken off or failed, the same command goes on where it stopped.
    """
    from portal.cli import output

    at = Cluster(context)
    found = at.releases()
    for release in found:
        if release.with_control_plane:
            raise CommandFailed(departure.by_upgrade(release, context))
    for line in _plan(at, found):
        output.note(line)
    if dry_run:
        output.note("Nothing was done.")
        return
    confirm("Go on?", yes)
    try:
        _act(at, found)
    except KeyboardInterrupt:
        output.note("Broken off; the same command goes on from here.")
        raise


class Cluster:
    """The cluster that is to leave, through kubectl and helm."""

    def __init__(self, context: str | None) -> None:
        self._kubectl = [kubectl.program(), *(["--context", context] if context else [])]
        self._helm = ["--kube-context", context] if context else []
        self.name = context or self._get("config", "current-context").strip()

    def releases(self) -> list[Release]:
        """The workload planes that are installed, or that somebody began to uninstall."""
        label = "app.kubernetes.io/part-of=neurox"
        running = departure.releases(self._items("deployments", "--all-namespaces", "-l", label))
        return departure.with_leaving(running, self._helm_list())

    def policies(self) -> list[str]:
        """Those that are there, as KIND/NAME."""
        group = "--api-group=admissionregistration.k8s.io"
        kinds = self._get("api-resources", group, "-o", "name").split()
        known = departure.policies(kinds)
        if not known:
            return []
        return self._get("get", *known, "--ignore-not-found", "-o", "name").split()

    def managed(self) -> list[str]:
        """Namespaces that were handed to Neurox."""
        labelled = self._items("namespaces", "-l", "neurox.io/managed=true")
        return [each["metadata"]["name"] for each in labelled]

    def held(self, managed: list[str]) -> list[str]:
        """Jobs in these namespaces that wait for a manager."""
        jobs = (each for name in managed for each in self._items("jobs", "--namespace", name))
        return departure.held(jobs)

    def delete(self, *what: str) -> None:
        """Delete objects, whether they are still there or not."""
        self._get("delete", *what, "--ignore-not-found")

    def uninstall(self, release: Release) -> list[str]:
        """The command that does it, without the program."""
        words = ["uninstall", release.name, "--namespace", release.namespace, *self._helm]
        return [*words, "--ignore-not-found", "--wait", "--timeout", "3m"]

    def is_empty(self, namespace: str) -> bool:
        """Whether nothing runs there any more."""
        kinds = "deployments,statefulsets,daemonsets,jobs"
        return not self._get("get", kinds, "--namespace", namespace, "-o", "name").strip()

    def _helm_list(self) -> list[dict[str, str]]:
        try:
            helm = kubectl.program("helm")
        except CommandFailed:
            return []
        states = ("--deployed", "--failed", "--pending", "--uninstalling")
        words = [helm, "list", "--all-namespaces", *states, "-o", "json", *self._helm]
        found: list[dict[str, str]] = json.loads(kubectl.call(words))
        return found

    def _items(self, *words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._get("get", *words, "-o", "json"))["items"]
        return found

    def _get(self, *words: str) -> str:
        return kubectl.call([*self._kubectl, *words])


def _plan(at: Cluster, found: list[Release]) -> list[str]:
    lines = [f"In the cluster {at.name}:"]
    policies = at.policies()
    if policies:
        lines.append("  take away the admission policies, so that Neurox holds no more Jobs")
    for release in found:
        lines.append(f"  delete the Secret {release.join_secret} in {release.namespace}")
        lines.append(f"  helm {shlex.join(at.uninstall(release))}")
    if len(lines) == 1:
        lines.append("  nothing of the workload plane is installed")
    waiting = at.held(at.managed())
    if waiting:
        jobs = "1 suspended Job" if len(waiting) == 1 else f"{len(waiting)} suspended Jobs"
        lines.append(f"  leave {jobs} with GPUs for you to release")
    return lines


def _act(at: Cluster, found: list[Release]) -> None:
    from portal.cli import output

    policies = at.policies()
    if policies:
        at.delete(*policies)
        output.note("The admission policies are gone.")
    for release in found:
        at.delete("secret", release.join_secret, "--namespace", release.namespace)
        output.note(f"The Secret {release.join_secret} is gone.")
        _uninstall(at, release)
        output.note(f"The release {release.name} is uninstalled.")
    managed = at.managed()
    empty = [each.namespace for each in found if at.is_empty(each.namespace)]
    for line in departure.behind(at.held(managed), managed, empty):
        output.note(line)


def _uninstall(at: Cluster, release: Release) -> None:
    words = at.uninstall(release)
    try:
        helm = kubectl.program("helm")
    except CommandFailed as failure:
        again = f"{failure}\n  the last step, for whoever has it: helm {shlex.join(words)}"
        raise CommandFailed(again, PARTIAL) from None
    kubectl.call([helm, *words], seconds=UNINSTALL_SECONDS)
