"""From words to a span of time: ``from``, ``to`` and ``step`` of a query."""

import re
from datetime import UTC, datetime

from portal.api.answer import BadQuery
from portal.api.thanos import Span

POINTS_MOST = 11_000
STEP_LEAST = 5
YEARS_MOST = 10
POINTS = 240
"""As many as a chart can show, when no step is asked for."""

_RELATIVE = re.compile(r"-(\d{1,6})(s|m|h|d|w)")
_DURATION = re.compile(r"(\d{1,7})(s|m|h|d|w)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def span(since: str, until: str, step: str | None, now: float) -> Span:
    """The span, its ends on whole steps, so that the same chart asks for the same points."""
    start, end = _moment("from", since, now), _moment("to", until, now)
    if now - start > YEARS_MOST * 366 * _SECONDS["d"]:
        raise BadQuery("from", f"from {since!r:.40} is more than {YEARS_MOST} years ago")
    if start >= end:
        raise BadQuery("from", f"from {since!r:.40} is not before to {until!r:.40}")
    seconds = _step(step) if step else max(15, int((end - start) / POINTS))
    points = (end - start) / seconds
    if points > POINTS_MOST:
        least = int((end - start) / POINTS_MOST) + 1
        raise BadQuery(
            "step",
            f"step {seconds} s makes {points:.0f} points; at most {POINTS_MOST} are given: ask "
            f"for a step of {least} s or more, or a shorter range",
            422,
        )
    first = -(-int(start) // seconds) * seconds
    return Span(first, max(first, int(end) // seconds * seconds), seconds)


def _moment(field: str, text: str, now: float) -> float:
    if text == "now":
        return now
    relative = _RELATIVE.fullmatch(text)
    if relative:
        return now - int(relative[1]) * _SECONDS[relative[2]]
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        return min(at.timestamp(), now)
    except (ValueError, OverflowError):
        raise BadQuery(
            field,
            f"{field} must be 'now', like -15m, -6h, -7d, or an RFC 3339 time, not {text!r:.40}",
        ) from None


def _step(text: str) -> int:
    found = _DURATION.fullmatch(text)
    seconds = int(found[1]) * _SECONDS[found[2] or "s"] if found else 0
    if seconds < STEP_LEAST:
        raise BadQuery("step", f"step must be {STEP_LEAST}s or more, like 15s, not {text!r:.40}")
    return seconds
