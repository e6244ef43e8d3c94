"""A join Secret that somebody else made and handed over."""

import sys
from pathlib import Path

from portal.cli.failure import USAGE, CommandFailed


def apply_given(source: str, context: str | None, dry_run: bool) -> None:
    """Check it and put it into the cluster; ``-`` reads standard input."""
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
