"""What ``neurox cluster join`` was asked for: by name, by a file, or by a Secret that was given."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portal.cli.failure import USAGE, CommandFailed

if TYPE_CHECKING:
    from portal.cli.join_file import Entry


@dataclass(frozen=True)
class Asked:
    """The command's arguments and options as they were typed."""

    name: str | None
    context: str | None
    file: Path | None
    output_dir: Path | None
    secret: str | None
    print_secret: bool
    description: str
    labels: tuple[str, ...]
    expires: str
    rebuilt: bool
    dry_run: bool
    output: str | None

    @property
    def form(self) -> str | None:
        """In which form the Secret is printed, where that was asked for."""
        return self.output or ("yaml" if self.print_secret else None)

    @property
    def of_one(self) -> bool:
        """Whether something was given that only one cluster can have."""
        given = self.description or self.labels or self.rebuilt
        return bool(given) or self.expires != "1h"


def run(asked: Asked) -> None:
    """Do it. CommandFailed when what was given does not go together, before anything is made."""
    if asked.output not in (None, "yaml", "json"):
        raise CommandFailed(f"-o {asked.output} is unknown here; choose yaml or json", USAGE)
    if sum(given is not None for given in (asked.name, asked.file, asked.secret)) > 1:
        raise CommandFailed("give one of NAME, --file and --secret", USAGE)
    if asked.output_dir is not None and asked.file is None:
        raise CommandFailed("--output-dir goes with --file", USAGE)
    if asked.secret is not None:
        _given(asked, asked.secret)
    elif asked.file is not None:
        _many(asked, asked.file)
    elif asked.name is not None:
        from portal.cli.join_one import join_one

        join_one(_entry(asked, asked.name), asked.context, asked.dry_run, asked.form)
    else:
        raise CommandFailed("give the cluster a name: `neurox cluster join NAME`", USAGE)


def _given(asked: Asked, secret: str) -> None:
    from portal.cli.join_given import apply_given

    if asked.form or asked.of_one:
        raise CommandFailed("only --context and --dry-run go with --secret", USAGE)
    apply_given(secret, asked.context, asked.dry_run)


def _many(asked: Asked, file: Path) -> None:
    from portal.cli import context as contexts
    from portal.cli.join_file import entries, read
    from portal.cli.join_folder import JoinFolder
    from portal.cli.join_many import Batch

    if asked.context or asked.of_one:
        raise CommandFailed(
            "with --file, what belongs to one cluster stands in its entry: description, "
            "labels, expires, rebuilt",
            USAGE,
        )
    shown = "standard input" if str(file) == "-" else str(file)
    found = entries(shown, read(file, sys.stdin))
    folder = JoinFolder(asked.output_dir) if asked.output_dir else None
    if folder and not asked.dry_run:
        folder.make()
    with contexts.client() as client:
        Batch(client, folder, asked.dry_run, asked.output == "json").run(found)


def _entry(asked: Asked, name: str) -> "Entry":
    from controllers.domain.errors import Refused
    from portal.cli.join_file import Entry, expiry
    from portal.records import check_cluster_labels, require_description, require_name

    try:
        require_name(name)
        require_description(asked.description)
        check_cluster_labels(found := _labels(asked.labels))
        expires = expiry(asked.expires)
    except Refused as refusal:
        raise CommandFailed(str(refusal), USAGE) from None
    except ValueError as fault:
        raise CommandFailed(f"--{fault}", USAGE) from None
    return Entry(name, name, asked.description, found, expires, asked.rebuilt)


def _labels(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or key in found:
            why = "is given twice" if equals else "is not KEY=VALUE, as in region=eu"
            raise CommandFailed(f"--label {(key if equals else text)!r} {why}", USAGE)
        found[key] = value
    return found
