"""How a state is marked: an icon and a tone beside its word, never colour alone."""

from portal.pages.formats import heat, percent
from portal.schemas import MapNode

MARKS = {
    # Workloads.
    "Submitted": ("clock", "plain"),
    "Queued": ("hourglass", "warn"),
    "Starting": ("circle-dashed", "info"),
    "Running": ("player-play", "good"),
    "Stopping": ("player-stop", "warn"),
    "Succeeded": ("circle-check", "plain"),
    "Failed": ("circle-x", "bad"),
    "Stopped": ("ban", "plain"),
    "Invalid": ("alert-circle", "bad"),
    # Clusters.
    "waiting": ("clock", "plain"),
    "connected": ("plug-connected", "good"),
    "lost": ("plug-connected-x", "bad"),
    "revoked": ("ban", "bad"),
    "removed": ("ban", "plain"),
    # Nodes.
    "ready": ("circle-check", "good"),
    "not ready": ("circle-x", "bad"),
    "cordoned": ("ban", "warn"),
    "unknown": ("help-circle", "warn"),
    # GPUs.
    "busy": ("player-play", "good"),
    "idle": ("zzz", "warn"),
    "allocated": ("player-play", "plain"),
    "free": ("circle-dashed", "plain"),
    "fault": ("alert-triangle", "bad"),
    "stale": ("clock", "warn"),
}
TONES = {"good": "circle-check", "warn": "alert-triangle", "bad": "alert-circle"}
"""The icon beside a note of that tone."""


def node_kind(node: MapNode) -> str:
    """How a node's one square looks: the worst that all or, for a fault, any of its GPUs show."""
    if node.states.get("fault"):
        return "fault"
    for state in ("stale", "free"):
        if set(node.states) == {state}:
            return state
    return heat(node.utilization)


def node_words(node: MapNode) -> str:
    """The same in words: ``31 % · 6 busy, 2 free``."""
    counts = ", ".join(f"{count} {state}" for state, count in sorted(node.states.items()))
    return f"{percent(node.utilization)} · {counts}"


def mark(state: str) -> tuple[str, str]:
    """The icon and tone of ``state``."""
    return MARKS.get(state, ("help-circle", "plain"))
