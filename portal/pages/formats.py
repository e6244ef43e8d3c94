"""Numbers as people read them. ``None`` is unknown and shows as a dash, never as zero."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from portal.duration import in_words

UNKNOWN = "–"
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def number(value: float | None) -> str:
    """A count or a reading: thousands apart, at most one decimal."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.1f}"


def percent(ratio: float | None) -> str:
    """A ratio of 0 to 1 in percent; a little is never shown as nothing, nor nearly all as all."""
    if ratio is None:
        return UNKNOWN
    if 0 < ratio < 0.01:
        return "<1 %"
    return f"{min(math.floor(max(ratio, 0.0) * 100 + 0.5), 99) if ratio < 1 else 100} %"


def size(count: float | None) -> str:
    """Bytes in binary units."""
    if count is None:
        return UNKNOWN
    amount, unit = float(count), 0
    while amount >= 1024 and unit < len(_BYTES) - 1:
        amount, unit = amount / 1024, unit + 1
    return (
        f"{amount:.0f} {_BYTES[unit]}"
        if amount >= 100 or not unit
        else (f"{amount:.1f} {_BYTES[unit]}")
    )


def energy(joules: float | None) -> str:
    """Joules in watt-hours."""
    if joules is None:
        return UNKNOWN
    hours = joules / 3600
    return f"{number(hours / 1000)} kWh" if hours >= 1000 else f"{number(hours)} Wh"


def duration(seconds: float | None) -> str:
    """Seconds, in the unit that matters."""
    return UNKNOWN if seconds is None else in_words(seconds)


def milliseconds(seconds: float | None) -> str:
    """A short time."""
    if seconds is None:
        return UNKNOWN
    return f"{number(seconds * 1000)} ms" if seconds >= 0.001 else "<1 ms"


def skew(seconds: float | None) -> str:
    """How far another clock is ahead of ours; what the network's delay explains is nothing."""
    if seconds is None:
        return UNKNOWN
    if abs(seconds) < 2:
        return "right"
    return f"{duration(abs(seconds))} {'ahead' if seconds > 0 else 'behind'}"


def clock(moment: datetime | None) -> str:
    """A moment in UTC, to the minute."""
    if moment is None:
        return UNKNOWN
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def moment(seconds: float) -> str:
    """Epoch seconds as date and minute in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%m-%d %H:%M:%S")


def pairs(labels: Mapping[str, str]) -> str:
    """Labels in a line: ``region=eu, team=vision``."""
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items())) or UNKNOWN


def short_uuid(uuid: str) -> str:
    """Enough of a GPU's uuid to tell it from its neighbours."""
    return uuid if len(uuid) <= 16 else f"{uuid[:12]}…{uuid[-4:]}"


def heat(ratio: float | None) -> str:
    """The step of the utilisation scale: ``u0`` to ``u4``."""
    if ratio is None or ratio < 0.01:
        return "u0"
    return f"u{min(4, int(min(ratio, 1.0) * 4) + 1)}"


def tile_value(value: float | None, unit: str) -> str:
    """The figure of a tile, without its unit."""
    if value is None:
        return UNKNOWN
    if unit == "ratio":
        return percent(value)
    return size(value) if unit == "bytes" else number(value)


def tile_unit(unit: str) -> str:
    """The unit beside the figure, where the figure does not hold it already."""
    return "" if unit in ("ratio", "bytes") else unit


def reading(value: float | None, unit: str) -> str:
    """A value of a chart with its unit."""
    if unit in ("ratio", "bytes"):
        return tile_value(value, unit)
    sign = {"watts": " W", "celsius": " °C", "gpus": ""}.get(unit, f" {unit}")
    return number(value) + (sign.rstrip() and sign if value is not None else "")


def inside(href: str) -> str:
    """``href`` when it is a path of this site, else the first page."""
    return href if href.startswith("/") and not href.startswith(("//", "/\\")) else "/"


FILTERS = {
    "inside": inside,
    "reading": reading,
    "tile_value": tile_value,
    "tile_unit": tile_unit,
    "number": number,
    "percent": percent,
    "size": size,
    "duration": duration,
    "energy": energy,
    "clock": clock,
    "moment": moment,
    "milliseconds": milliseconds,
    "skew": skew,
    "pairs": pairs,
    "short_uuid": short_uuid,
    "heat": heat,
}
