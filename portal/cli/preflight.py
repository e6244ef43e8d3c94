"""``neurox preflight``: is this cluster ready for Neurox? Asks through kubectl, writes nothing."""

import email.utils
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from portal.cli import kubectl
from portal.cli.failure import FAILED, CommandFailed

if TYPE_CHECKING:
    from controllers.preflight.facts import Ask

app = typer.Typer()
SECONDS = 20.0


@app.command()
def preflight(
    plane: Annotated[
        Literal["control", "workload"],
        typer.Argument(help="What shall be installed there.", show_default=False),
    ],
    context: Annotated[
        str | None,
        typer.Option("--context", help="The cluster, as your kubeconfig names it."),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option("--hub", help="The control plane's address: is it reached from here?"),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", help="The CA that signed its certificate.", exists=True)
    ] = None,
    output: Annotated[Literal["text", "json"], typer.Option("-o", "--output")] = "text",
) -> None:
    """Check a cluster before Neurox is installed there; nothing is written."""
    from controllers.preflight import checks, hub, report
    from controllers.preflight.facts import Silent, gather

    words = [kubectl.program(), *(["--context", context] if context else [])]
    try:
        rights = checks.RIGHTS[plane]
        facts = gather(asking(words), rights, "neurox-system", server_clock(words))
    except Silent as silence:
        raise CommandFailed(f"the cluster cannot be checked: {silence}", FAILED) from None
    found = [*checks.findings(facts, plane), *(hub.way_to(server, ca) if server else ())]
    sys.stdout.write(report.document(found) if output == "json" else report.text(found))
    if report.failed(found):
        raise typer.Exit(FAILED)


def asking(words: list[str]) -> "Ask":
    """Asks by ``kubectl --raw``, so that every way of signing in works."""
    from controllers.preflight.facts import Silent, decoded

    def ask(path: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        verb = ["create", "-f", "-"] if body is not None else ["get"]
        done = _run([*words, *verb, "--raw", path], "" if body is None else json.dumps(body))
        if done.returncode == 0:
            return decoded(done.stdout)
        if "NotFound" in done.stderr or "could not find the requested resource" in done.stderr:
            return None
        raise Silent(" ".join(done.stderr.split())[:300] or "kubectl gave no reason")

    return ask


def server_clock(words: list[str]) -> float | None:
    """The API server's time, in epoch seconds, out of the head of one of its answers."""
    done = _run([*words, "get", "--raw", "/version", "--v=8"], "")
    found = re.search(
        r'[Dd]ate["=: ]+([A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT)', done.stderr
    )
    return email.utils.parsedate_to_datetime(found[1]).timestamp() if found else None


def _run(command: list[str], stdin: str) -> "subprocess.CompletedProcess[str]":
    from controllers.preflight.facts import Silent

    try:
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Silent(f"kubectl did not answer in {SECONDS:g} s") from None
    except OSError as failure:
        raise Silent(f"kubectl cannot be run: {failure}") from None
