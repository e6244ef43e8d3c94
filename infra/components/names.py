"""Which names Kubernetes and Helm take, and what to say when one is not."""

import re
from collections.abc import Sequence

import pulumi

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LONGEST_RELEASE = 53
LONGEST_PREFIX = 37
"""The charts cut the release's name to this length before they add a component's."""


class ArgumentError(pulumi.RunError):
    """An argument cannot be used: which, and what it takes. Pulumi shows it without a traceback."""


def require_label(argument: str, value: str, longest: int = 63) -> str:
    """``value`` if it is a DNS label. ArgumentError."""
    if not isinstance(value, str) or not _LABEL.fullmatch(value) or len(value) > longest:
        raise ArgumentError(
            f"{argument} {value!r} is not a valid name: use 1 to {longest} lower-case letters, "
            "digits and '-', beginning and ending with a letter or digit"
        )
    return value


def require_clusters(names: Sequence[str]) -> tuple[str, ...]:
    """Names of clusters, each once. ArgumentError."""
    if isinstance(names, str):
        raise ArgumentError(f"clusters is a list of names; write [{names!r}], not {names!r}")
    for name in names:
        require_label("clusters:", name)
        if list(names).count(name) > 1:
            raise ArgumentError(f"clusters names {name!r} twice; each cluster joins once")
    return tuple(names)


def object_name(release: str, component: str) -> str:
    """What the chart neurox calls the objects of a component (its helper ``neurox.fullname``)."""
    return f"{release[:LONGEST_PREFIX].removesuffix('-')}-{component}"
