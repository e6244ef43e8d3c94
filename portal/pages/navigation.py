"""The menu: only pages that exist."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One line of the menu; ``key`` is the letter after ``g`` that goes there."""

    label: str
    path: str
    icon: str
    key: str


MENU = {
    "Monitor": (
        Entry("Overview", "/", "layout-dashboard", "o"),
        Entry("Clusters", "/clusters", "server-2", "c"),
        Entry("Node pools", "/pools", "stack-2", "p"),
        Entry("Nodes", "/nodes", "server", "n"),
        Entry("GPUs", "/gpus", "cpu", "u"),
    ),
    "Work": (
        Entry("Workloads", "/workloads", "box", "w"),
        Entry("Projects", "/projects", "folders", "j"),
        Entry("Groups", "/groups", "users-group", "r"),
        Entry("Quotas", "/quotas", "gauge", "q"),
    ),
}


WITHIN = dict.fromkeys(("/cluster-keys", "/cluster-versions", "/join-tokens"), "/clusters")
"""No name of a cluster may be taken for these pages, so they stand beside it."""


def current(path: str) -> str:
    """The menu path that ``path`` belongs to."""
    first = "/" + path.strip("/").partition("/")[0]
    return WITHIN.get(first, first)
