"""``neurox cluster join``: a record, and a Secret by which one cluster joins as it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portal.cli.failure import USAGE, CommandFailed

if TYPE_CHECKING:
    from portal.cli.join_file import Entry
    from portal.schemas import JoinOut


def join(  # noqa: PLR0913, PLR0917 - typer reads the options from the parameters
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the cluster in Neurox.")
    ] = None,
    context: Annotated[
        str | None,
        typer.Option(
            "--context", help="Put the Secret into this cluster, as your kubeconfig names it."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("-f", "--file", help="YAML that names many clusters; - reads it."),
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option("--output-dir", help="With -f: a file NAME.yaml for each, mode 0600."),
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option("--secret", help="Apply a join Secret that you were given; - reads it."),
    ] = None,
    print_secret: Annotated[
        bool, typer.Option("--print-secret", help="Print the Secret, also with --context.")
    ] = False,
    description: Annotated[str, typer.Option(help="Description, for people.")] = "",
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="KEY=VALUE", help="Label of the new record; repeat it."),
    ] = None,
    expires: Annotated[
        str, typer.Option(help="How long the token is good: 30m, 6h, at most 7d.")
    ] = "1h",
    rebuilt: Annotated[
        bool,
        typer.Option(
            "--rebuilt", help="The cluster was made anew: it takes its record and history over."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", help="yaml: the Secret alone. json: all there is to know."),
    ] = None,
) -> None:
    """Let clusters join: print a Secret for one, and what installs the chart.

    \b
    neurox cluster join east                   Secret, Helm's line, Pulumi program
    neurox cluster join east --context prod    puts the Secret into the cluster
    neurox cluster join east --expires 7d      for GitOps: encrypt what you commit
    neurox cluster join east --rebuilt         the cluster was made anew
    neurox cluster join -f clusters.yaml --output-dir joins       many at once

    Run again for a cluster that has not joined, it gives a new token; the former one stops
    working. NEUROX_CONTEXT says which Neurox, --context which cluster of yours.
    """
    if output not in (None, "yaml", "json"):
        raise CommandFailed(f"-o {output} is unknown here; choose yaml or json", USAGE)
    if sum(given is not None for given in (name, file, secret)) > 1:
        raise CommandFailed("give one of NAME, --file and --secret", USAGE)
    if output_dir is not None and file is None:
        raise CommandFailed("--output-dir goes with --file", USAGE)
    show = print_secret or output is not None
    if secret is not None:
        if show or description or label or rebuilt or expires != "1h":
            raise CommandFailed("only --context and --dry-run go with --secret", USAGE)
        _apply_given(secret, context, dry_run)
    elif file is not None:
        if context or description or label or rebuilt or expires != "1h":
            raise CommandFailed(
                "with --file, what belongs to one cluster stands in its entry: description, "
                "labels, expires, rebuilt",
                USAGE,
            )
        _join_many(file, output_dir, dry_run, output == "json")
    elif name is not None:
        entry = _entry(name, description, label or [], expires, rebuilt)
        _join_one(entry, context, dry_run, output or ("yaml" if show else None))
    else:
        raise CommandFailed("give the cluster a name: `neurox cluster join NAME`", USAGE)


def _entry(name: str, description: str, labels: list[str], expires: str, rebuilt: bool) -> "Entry":
    from controllers.domain.errors import Refused
    from portal.cli.join_file import Entry, expiry
    from portal.records import check_cluster_labels, require_description, require_name

    try:
        require_name(name)
        require_description(description)
        check_cluster_labels(found := _labels(labels))
        seconds = expiry(expires)
    except Refused as refusal:
        raise CommandFailed(str(refusal), USAGE) from None
    except ValueError as fault:
        raise CommandFailed(f"--{fault}", USAGE) from None
    return Entry(name, name, description, found, seconds, rebuilt)


def _labels(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or key in found:
            why = "is given twice" if equals else "is not KEY=VALUE, as in region=eu"
            raise CommandFailed(f"--label {(key if equals else text)!r} {why}", USAGE)
        found[key] = value
    return found


def _join_many(file: Path, output_dir: Path | None, dry_run: bool, as_json: bool) -> None:
    from portal.cli import context as contexts
    from portal.cli.join_file import entries, read
    from portal.cli.join_folder import JoinFolder
    from portal.cli.join_many import Batch

    shown = "standard input" if str(file) == "-" else str(file)
    found = entries(shown, read(file, sys.stdin))
    folder = JoinFolder(output_dir) if output_dir else None
    if folder and not dry_run:
        folder.make()
    with contexts.client() as client:
        Batch(client, folder, dry_run, as_json).run(found)


def _join_one(entry: "Entry", context: str | None, dry_run: bool, form: str | None) -> None:
    from portal.cli import context as contexts
    from portal.cli import kubectl, output
    from portal.cli.join_record import kept, record, state

    if context:
        kubectl.check(context)
    with contexts.client() as client:
        known = state(client, entry.name)
        made = record(client, entry, known, dry_run)
    name = entry.name
    if known and (words := kept(entry, made)):
        output.note(f"{name} {words}.")
    if dry_run:
        if form == "json":
            _print(made, form)
        what = "get a new token" if known else "be made"
        where = f"applied to {context}" if context else "printed"
        output.note(f"{name} would {what}, and its join Secret {where}; nothing was done.")
        return
    if context is None:
        _show(made, form)
        return
    try:
        kubectl.apply_secret(context, made.secret)
    except CommandFailed as failed:
        again = f"{name} is made; run the same command again when this is solved"
        raise CommandFailed(f"{failed}\n  {again}", failed.exit_code) from None
    if form:
        _print(made, form)
    output.note(f"The join Secret is in {context}. {_next(name)}")
    if made.helm:
        output.note(f"To install the chart:\n{made.helm.rstrip()}")


def _print(made: "JoinOut", form: str) -> None:
    from portal.cli import output

    text = made.secret
    if form == "json":
        text = output.document(made.model_dump(mode="json", by_alias=True), "json")
    sys.stdout.write(text)
    sys.stdout.flush()


def _show(made: "JoinOut", form: str | None) -> None:
    from portal.cli import output

    _print(made, form or "yaml")
    if form != "json":
        output.note(f"\n{made.command.rstrip()}")
    if form is None:
        output.note(f"\n# Or with Pulumi, instead of all of that:\n{made.pulumi.rstrip()}")
    until = f"{made.expires_at:%Y-%m-%d %H:%M} UTC"
    output.note(f"\nThe token works once, until {until}. {_next(made.cluster.name)}")


def _next(name: str) -> str:
    return (
        "Once the chart neurox-workload runs there, it joins by itself; "
        f"`neurox cluster status {name} --watch` shows how far it is."
    )


def _apply_given(source: str, context: str | None, dry_run: bool) -> None:
    from controllers.relay import join as joining
    from portal.cli import kubectl, output

    if source == "-" and sys.stdin.isatty():
        output.note("Paste the Secret, then press Ctrl-D.")
    try:
        raw = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        text = joining.decoded(raw)
        joining.parse_kubeconfig(joining.kubeconfig_of(text))
    except OSError as failure:
        raise CommandFailed(f"{source} cannot be read: {failure.strerror}", USAGE) from None
    except joining.KubeconfigError as failure:
        raise CommandFailed(f"the join Secret cannot be used: {failure}", USAGE) from None
    kubectl.check(context)
    where = context or "the cluster that kubectl points at"
    if dry_run:
        output.note(f"The join Secret would be applied to {where}; nothing was done.")
        return
    kubectl.apply_secret(context, text)
    output.note(f"The join Secret is in {where}. The cluster joins when the chart runs there.")
