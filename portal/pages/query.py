"""The address of a page says all that is seen on it: filters, order, place, range, refresh."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

REFRESH_CHOICES = ("15", "30", "60", "off")
RANGES = {
    "-5m": "Last 5 minutes",
    "-15m": "Last 15 minutes",
    "-1h": "Last hour",
    "-6h": "Last 6 hours",
    "-24h": "Last 24 hours",
    "-7d": "Last 7 days",
    "-30d": "Last 30 days",
}
SECONDS = dict(zip(RANGES, (300, 900, 3600, 21_600, 86_400, 604_800, 2_592_000), strict=True))
DEFAULT_RANGE = "-1h"
PAGE_SIZES = ("25", "50", "100", "200")
DEFAULT_SIZE = "50"
_LONGEST = 500


@dataclass(frozen=True)
class Query:
    """The known, non-empty parameters of an address; unknown ones are dropped from links."""

    path: str
    values: Mapping[str, str]
    usual_range: str = DEFAULT_RANGE
    """What charts show when the address does not say."""

    @classmethod
    def of(cls, path: str, given: Mapping[str, str], known: Iterable[str]) -> "Query":
        """What ``given`` says under the ``known`` names."""
        kept = {}
        for name in known:
            value = given.get(name, "").strip()[:_LONGEST]
            if value:
                kept[name] = value
        return cls(path, kept)

    def reaching(self, start: datetime, most: str = DEFAULT_RANGE) -> "Query":
        """The same; unless a range is asked for, charts begin near ``start``, not in emptiness.

        They never go back further than ``most``.
        """
        seconds = (datetime.now(UTC) - start).total_seconds()
        fits = (name for name in RANGES if SECONDS[name] >= min(seconds, SECONDS[most]))
        return replace(self, usual_range=next(fits))

    def get(self, name: str, default: str = "") -> str:
        """The value of a parameter."""
        return self.values.get(name, default)

    def link(self, **changes: str | None) -> str:
        """This address with some parameters changed; ``None`` takes one away.

        A changed filter or order starts at the first page again.
        """
        merged: dict[str, str | None] = {**self.values, "cursor": None, **changes}
        left = {name: value for name, value in merged.items() if value}
        return quote(self.path) + ("?" + urlencode(left, safe=",:-") if left else "")

    def export(self, suffix: str) -> str:
        """The same rows as a file, all pages of them."""
        keep = {n: v for n, v in self.values.items() if n not in ("cursor", "page_size", "refresh")}
        return f"{quote(self.path)}.{suffix}" + ("?" + urlencode(keep, safe=",:-") if keep else "")

    @property
    def here(self) -> str:
        """This address itself."""
        return self.link(cursor=self.get("cursor"))

    def sort_link(self, key: str, default: str = "") -> str:
        """This address ordered by ``key``; ordered so already, the other way round."""
        return self.link(sort=f"-{key}" if self.get("sort", default) == key else key)

    def sorted_by(self, key: str, default: str = "") -> str:
        """``ascending``, ``descending`` or ``none``, as ``aria-sort`` wants it."""
        order = self.get("sort", default)
        if order.removeprefix("-") != key:
            return "none"
        return "descending" if order.startswith("-") else "ascending"

    @property
    def refresh_seconds(self) -> int:
        """Seconds between polls; 0 is off."""
        asked = self.get("refresh", REFRESH_CHOICES[0])
        return (
            int(asked)
            if asked in REFRESH_CHOICES and asked != "off"
            else (0 if asked == "off" else int(REFRESH_CHOICES[0]))
        )

    @property
    def range(self) -> str:
        """How far back charts go, one of ``RANGES``."""
        asked = self.get("from")
        return asked if asked in RANGES else self.usual_range

    @property
    def page_size(self) -> str:
        """Rows on a page, one of ``PAGE_SIZES``."""
        asked = self.get("page_size", DEFAULT_SIZE)
        return asked if asked in PAGE_SIZES else DEFAULT_SIZE
