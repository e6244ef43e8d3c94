"""Which pod a process belongs to, by the text of its cgroup file."""

import re

_POD = re.compile(
    r"(?:^|[/:-])pod"
    r"([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})"
    r"(?=[./:]|$)"
)


def pod_uid(text: str) -> str | None:
    """The uid of the innermost pod in ``/proc/PID/cgroup``; None for a process of the host.

    All drivers and runtimes put ``pod<uid>`` into a path step, with dashes or underscores. The
    innermost is right in nested clusters. Nothing is anchored at ``kubepods``: a private cgroup
    namespace cuts the front of the path off.
    """
    found = max((_POD.findall(line.strip()) for line in text.splitlines()), key=len, default=[])
    return found[-1].replace("_", "-") if found else None
