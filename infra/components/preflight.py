"""Asks a cluster what it lacks before anything is made in it."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pulumi

from infra.components.names import ArgumentError

PROGRAM = (sys.executable, "-m", "controllers.preflight")
UNFIT = 1
"""How the program ends where an installation would fail."""
SECONDS = 120


def require_ready(
    plane: str, context: str | None, namespace: str, program: Sequence[str] = PROGRAM
) -> None:
    """Stop the program with what is to be mended, where the cluster could not take ``plane``.

    A cluster that does not answer, since this very program makes it, or there is no kubectl, is
    not held up: a warning says so. ArgumentError.
    """
    where = ("--context", context) if context else ()
    words = (*program, plane, *where, "--namespace", namespace, "-o", "json")
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,  # a login that a kubeconfig asks for would wait here unseen
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pulumi.log.warn(f"preflight of {_name(context)} was given up after {SECONDS} s")
        return
    try:
        items = json.loads(done.stdout)["items"]
    except ValueError:
        said = done.stderr.strip()[-500:]
        raise ArgumentError(f"preflight of {_name(context)} failed: {said}") from None
    if done.returncode == UNFIT:
        raise ArgumentError(refusal(plane, context, items))
    for item in items:
        if item["state"] != "ok":
            pulumi.log.warn(f"preflight of {_name(context)}: {_line(item)}")


def refusal(plane: str, context: str | None, items: Sequence[dict[str, Any]]) -> str:
    """What fails and what mends it, a line each."""
    failed = [f"  {_line(item)}" for item in items if item["state"] == "failed"]
    head = (
        f"{_name(context)} is not ready for the {plane} plane (config preflight=false skips this):"
    )
    return "\n".join([head, *failed])


def _line(item: dict[str, Any]) -> str:
    return f"{item['check']}: {item['says']}" + (f"; {item['fix']}" if item.get("fix") else "")


def _name(context: str | None) -> str:
    return f"context {context}" if context else "the current context"
