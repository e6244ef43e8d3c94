"""How a state is marked: an icon and a tone beside its word, never colour alone."""

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
    # Nodes.
    "ready": ("circle-check", "good"),
    "not ready": ("circle-x", "bad"),
    "cordoned": ("ban", "warn"),
    "unknown": ("help-circle", "warn"),
    # GPUs.
    "busy": ("player-play", "good"),
    "idle": ("zzz", "warn"),
    "free": ("circle-dashed", "plain"),
    "fault": ("alert-triangle", "bad"),
    "stale": ("clock", "warn"),
}
TONES = {"good": "circle-check", "warn": "alert-triangle", "bad": "alert-circle"}
"""The icon beside a note of that tone."""


def mark(state: str) -> tuple[str, str]:
    """The icon and tone of ``state``."""
    return MARKS.get(state, ("help-circle", "plain"))
