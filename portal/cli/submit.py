"""``neurox submit`` and ``neurox stop``."""

import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portal.cli.failure import FAILED, PARTIAL, TIMEOUT, USAGE, CommandFailed
from portal.cli.get import ContextOption
from portal.cli.text import seconds

if TYPE_CHECKING:
    from portal.client import Client
    from portal.schemas import WorkloadIn, WorkloadOut

app = typer.Typer()
WAIT_SECONDS = 600.0
POLL_SECONDS = 1.0
TRIES = 3
ENDED_BADLY = ("Failed", "Stopped", "Invalid")


@app.command()
def submit(  # noqa: PLR0913, PLR0917 - typer reads the options from the parameters
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the workload.")
    ] = None,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="What it runs, after --.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("-f", "--file", help="YAML of the workload; - reads standard input."),
    ] = None,
    project: Annotated[
        str | None, typer.Option("-p", "--project", help="Project it belongs to.")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="Group whose quota it uses.", show_default="the one you share with the project"
        ),
    ] = None,
    pool: Annotated[
        str | None, typer.Option(help="Node pool it runs in.", show_default="the project's first")
    ] = None,
    gpus: Annotated[int | None, typer.Option(help="GPUs of each pod.", show_default="1")] = None,
    pods: Annotated[
        int | None, typer.Option(help="Pods that run together.", show_default="1")
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            help="Priority level: low, normal, high or critical.", show_default="the project's"
        ),
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="Image its containers run.", show_default="busybox")
    ] = None,
    max_runtime: Annotated[
        str | None, typer.Option(help="End it after this long: 90s, 30m, 6h or 2d.")
    ] = None,
    annotation: Annotated[
        list[str] | None,
        typer.Option("--annotation", help="KEY=VALUE for its pods, as often as needed."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check it and submit nothing.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it runs or has ended.")] = False,
    timeout: Annotated[str, typer.Option(help="How long --wait waits.")] = "10m",
    output: Annotated[str, typer.Option("-o", "--output", help="table, json or yaml.")] = "table",
    context: ContextOption = None,
) -> None:
    """Submit a workload: `neurox submit train -p vision --gpus 2 -- python train.py`."""
    given = {
        **{"name": name, "command": command, "project": project, "group": group, "pool": pool},
        **{"gpus_per_pod": gpus, "pods": pods, "level": level, "image": image},
        "max_runtime_seconds": _seconds("--max-runtime", max_runtime) if max_runtime else None,
        "annotations": pairs(annotation or []) or None,
    }
    asked = workload(_from_file(file) if file else {}, given)
    limit = float(_seconds("--timeout", timeout))
    if output not in ("table", "json", "yaml"):
        raise CommandFailed(f"-o {output} is unknown here; choose table, json or yaml", USAGE)
    from portal.cli import context as contexts

    with contexts.client(context) as client:
        made = _create(client, asked, dry_run)
        if wait and not dry_run:
            made = await_running(client, made, limit)
    _show(made, output, dry_run)


@app.command()
def stop(
    names: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids, or names if unique.")],
    context: ContextOption = None,
) -> None:
    """Stop workloads; their GPUs come back when their pods are gone."""
    from portal.cli import context as contexts
    from portal.cli.columns import WORKLOADS
    from portal.cli.get import one
    from portal.cli.refusal import told

    failures: list[CommandFailed] = []
    with contexts.client(context) as client:
        for name in names:
            try:
                with told():
                    found = one(client, WORKLOADS, name, {})
                    client.workloads.stop(found.id)
            except CommandFailed as failure:
                failures.append(failure)
            else:
                sys.stdout.write(f"{found.id} is stopping\n")
    if failures:
        code = PARTIAL if len(failures) < len(names) else failures[0].exit_code
        raise CommandFailed("\n".join(dict.fromkeys(map(str, failures))), code)


def workload(base: dict[str, Any], given: dict[str, Any]) -> "WorkloadIn":
    """A workload out of a file's fields, each replaced where the command line gives one."""
    from pydantic import ValidationError

    from portal.schemas import WorkloadIn

    fields = base | {key: value for key, value in given.items() if value not in (None, [])}
    for needed, how in (("name", "as the first argument"), ("project", "by --project")):
        if not fields.get(needed):
            raise CommandFailed(f"give the workload's {needed} {how}, or in a file by -f", USAGE)
    try:
        return WorkloadIn.model_validate(fields)
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise CommandFailed("\n".join(["this is not a workload:", *lines]), USAGE) from None


def _seconds(option: str, text: str) -> int:
    try:
        return seconds(option, text)
    except ValueError as fault:
        raise CommandFailed(str(fault), USAGE) from None


def pairs(texts: list[str]) -> dict[str, str]:
    """KEY=VALUE texts as a mapping."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise CommandFailed(f"--annotation must be KEY=VALUE, not {text!r}", USAGE)
        found[key] = value
    return found


def await_running(client: "Client", made: "WorkloadOut", limit: float) -> "WorkloadOut":
    """Wait until it runs or has ended; says on the way why it waits."""
    from portal.cli.output import note
    from portal.cli.text import clean

    deadline, said = time.monotonic() + limit, ""
    while made.state not in ("Running", "Succeeded"):
        words = f"{made.state}: {made.reason.message}" if made.reason else made.state
        if made.state in ENDED_BADLY:
            raise CommandFailed(f"workload {made.id} ended. {clean(words)}", FAILED)
        if words != said:
            note(clean(words))
            said = words
        if time.monotonic() > deadline:
            raise CommandFailed(
                f"workload {made.id} does not run after {limit:g} s; it goes on waiting. "
                f"`neurox stop {made.id}` ends it",
                TIMEOUT,
            )
        time.sleep(POLL_SECONDS)
        made = client.workloads.get(made.id)
    return made


def _create(client: "Client", asked: "WorkloadIn", dry_run: bool) -> "WorkloadOut":
    from portal.client import Unavailable

    # With one key for all tries, an answer that got lost does not make a second workload.
    key = None if dry_run else str(uuid.uuid4())
    for _ in range(TRIES - 1):
        try:
            return client.workloads.create(asked, dry_run=dry_run, idempotency_key=key)
        except Unavailable:
            time.sleep(POLL_SECONDS)
    return client.workloads.create(asked, dry_run=dry_run, idempotency_key=key)


def _from_file(file: Path) -> dict[str, Any]:
    import yaml

    where = "standard input" if str(file) == "-" else str(file)
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        found = yaml.safe_load(text)
    except OSError as failure:
        raise CommandFailed(f"{where} cannot be read: {failure.strerror}", USAGE) from None
    except (UnicodeError, yaml.YAMLError) as failure:
        raise CommandFailed(f"{where} is not YAML: {failure}", USAGE) from None
    if not isinstance(found, dict):
        raise CommandFailed(f"{where} does not hold the fields of one workload", USAGE)
    return found


def _show(made: "WorkloadOut", form: str, dry_run: bool) -> None:
    from portal.cli import output
    from portal.cli.columns import WORKLOADS

    if form in ("json", "yaml"):
        sys.stdout.write(output.item(WORKLOADS, made, "json" if form == "json" else "yaml"))
        return
    size = f"{made.gpus} GPU{'' if made.gpus == 1 else 's'} of pool {made.pool}"
    if dry_run:
        sys.stdout.write(f"{made.name} would be taken: {size}, group {made.group}\n")
        return
    sys.stdout.write(f"{made.id}\n")
    output.note(f"{made.name}: {made.state}, {size}. `neurox get workload {made.id}` follows it.")
