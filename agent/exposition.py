"""The Prometheus text format, version 0.0.4, written from values that are already at hand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite

from agent.catalogue import Series, Values

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Owned = tuple[str, Values]
"""Values and the labels, as text, of what they belong to."""


@dataclass(frozen=True)
class Family:
    """What the format says of a metric before its samples, and the names of its own labels."""

    type: str
    """gauge, counter or untyped."""
    help: str
    labels: tuple[str, ...] = ()


@lru_cache(maxsize=2048)
def label_text(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Labels as they stand between the braces."""
    return ",".join(
        f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)
    )


def number(value: float) -> str:
    """The shortest text that every parser reads as exactly this value."""
    # Plus 0: a bool becomes a number, and minus zero plain zero.
    return repr(value + 0).removesuffix(".0")


class Writer:
    """Writes page after page, and remembers all of a line but its value while its owner stays.

    Labels of a GPU that stays come and go with pods and jobs: it begins anew when it remembers more
    than twice of what it writes.
    """

    def __init__(self, families: Mapping[str, Family]) -> None:
        self._families = families
        self._about = {name: _about(name, family) for name, family in families.items()}
        self._heads: dict[str, dict[Series, str]] = {}

    def page(self, owned: Iterable[Owned]) -> str:
        """All families in their order; a value that is no finite number is left out."""
        lines: dict[str, list[str]] = {name: [] for name in self._families}
        heads: dict[str, dict[Series, str]] = {}
        for owner, values in owned:
            of_owner = heads.setdefault(owner, self._heads.get(owner, {}))
            for series, value in values.items():
                if isfinite(value):
                    head = of_owner.get(series) or self._head(of_owner, owner, series)
                    lines[series[0]].append(f"{head}{number(value)}\n")
        written, remembered = sum(map(len, lines.values())), sum(map(len, heads.values()))
        self._heads = heads if remembered <= 2 * written else {}
        return "".join(
            part
            for name, of_name in lines.items()
            if of_name
            for part in (self._about[name], *of_name)
        )

    def _head(self, heads: dict[Series, str], owner: str, series: Series) -> str:
        name, values = series
        own = label_text(self._families[name].labels, values)
        labels = ",".join(part for part in (owner, own) if part)
        heads[series] = f"{name}{{{labels}}} " if labels else f"{name} "
        return heads[series]


def _about(name: str, family: Family) -> str:
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {text}\n# TYPE {name} {family.type}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
