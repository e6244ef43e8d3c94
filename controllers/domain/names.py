"""Which names are allowed, and what to say when one is not."""

import difflib
import re
from collections.abc import Iterable

from controllers.domain.errors import Refused

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def require_label(field: str, value: str) -> str:
    """Return ``value`` if it is a DNS label (RFC 1123), else refuse it by ``field``."""
    if not _LABEL.fullmatch(value):
        raise Refused(
            field,
            f"{field} {value!r:.80} is not a valid name: use 1 to 63 lower-case letters, digits "
            "and '-', beginning and ending with a letter or digit",
        )
    return value


def unknown(field: str, value: str, known: Iterable[str]) -> Refused:
    """The refusal of a name that is not among ``known``, with the nearest one that is."""
    names = sorted(known)
    near = difflib.get_close_matches(value, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none yet'}"
    return Refused(field, f"unknown {field} {value!r:.80}; {hint}")
