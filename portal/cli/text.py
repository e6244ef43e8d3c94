"""Text from elsewhere, made safe and short for a terminal."""

import unicodedata
from datetime import UTC, datetime

UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"))
SHORT = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def clean(text: str) -> str:
    """``text`` on one line, without what could move the cursor, recolour or reorder it.

    Names, reasons and labels come from clusters: an escape sequence in one must not act.
    """
    return "".join(" " if c in "\n\t\r" else c for c in text if c in "\n\t\r" or _shown(c))


def _shown(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def duration(seconds: float | None) -> str:
    """Like 45s, 12m, 3h or 6d, for columns; a dash when unknown."""
    if seconds is None:
        return "-"
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{max(0.0, seconds):.0f}s"


def seconds(what: str, text: str) -> int:
    """``text`` like 90s, 30m, 6h or 2d; a bare number is seconds. ValueError names ``what``."""
    number, unit = (text[:-1], SHORT[text[-1]]) if text[-1:] in SHORT else (text, 1)
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise ValueError(f"{what} must be like 90s, 30m, 6h or 2d, not {text!r:.40}")
    return int(number) * unit


def moment(at: datetime) -> str:
    """A time in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def since(then: datetime | None) -> str:
    """How long ago that was."""
    return duration(None if then is None else (datetime.now(UTC) - then).total_seconds())


def percent(ratio: float | None) -> str:
    """A ratio of 0 to 1."""
    return "-" if ratio is None else f"{ratio * 100:.0f}%"


def gibibytes(count: int | None) -> str:
    """Bytes in GiB."""
    return "-" if count is None else f"{count / 2**30:.0f} GiB"


def plain(value: object) -> str:
    """Anything else: a dash for what is unknown, names joined by commas."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}"
    if isinstance(value, list):
        return ",".join(map(str, value)) or "-"
    if isinstance(value, dict):
        return ",".join(f"{key}={each}" for key, each in sorted(value.items())) or "-"
    return str(value)
