"""What a record may be called, described and labelled: by the API and before. Pure."""

import re
from collections.abc import Mapping

from controllers.domain.errors import Refused
from controllers.domain.names import require_label

_LABEL_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?", re.ASCII
)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
LABELS_MOST = 16
DESCRIPTION_MOST = 500
SHORTEST, LONGEST = 60, 7 * 86400
"""Seconds that a join token may be good for."""
PAGES = frozenset({"new"})
"""What stands in the place of a name in addresses of the portal: /clusters/new is a form."""


def require_name(name: str) -> str:
    """``name`` if it is a label and no page has its address."""
    if require_label("name", name) in PAGES:
        raise Refused("name", f"name {name!r} is the address of a page; choose another name")
    return name


def require_description(text: str) -> str:
    """``text`` if it is not too long, and can be sent."""
    if len(text) > DESCRIPTION_MOST:
        raise Refused(
            "description",
            f"description has {len(text)} characters; at most {DESCRIPTION_MOST} are taken",
        )
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise Refused("description", "description must be UTF-8")
    return text


def check_labels(field: str, labels: Mapping[str, str], advice: str) -> None:
    """Not too many, and such as Kubernetes would take."""
    if len(labels) > LABELS_MOST:
        found = len(labels)
        raise Refused(field, f"{field} has {found} labels; at most {LABELS_MOST} are taken")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
            raise Refused(
                field, f"{field} {key[:80]!r}={value[:80]!r} is not a Kubernetes label; {advice}"
            )


def check_cluster_labels(labels: Mapping[str, str]) -> None:
    """The same for those of a cluster."""
    check_labels("labels", labels, "use up to 63 letters, digits, - _ and .")
