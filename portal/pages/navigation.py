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


def current(path: str) -> str:
    """The menu path that ``path`` belongs to."""
    return "/" + path.strip("/").partition("/")[0]
