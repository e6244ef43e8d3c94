"""What was measured, beside what is promised, as one table of Markdown."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One of ours, what is promised of it, our rival's, and what else was measured beside it.

    ``bare``: the same without either, at the same time.
    """

    what: str
    unit: str
    ours: float
    most: float | None = None
    least: float | None = None
    rival: float | None = None
    bare: float | None = None
    more: float | None = None

    @property
    def missed(self) -> bool:
        """Whether ours is not as promised; a figure that is no number is not."""
        kept_most = self.most is None or self.ours <= self.most
        return not (kept_most and (self.least is None or self.ours >= self.least))

    def row(self) -> tuple[str, ...]:
        """The cells of the table."""
        promised = ""
        if self.most is not None:
            promised = f"at most {self._text(self.most)}"
        if self.least is not None:
            promised = f"at least {self._text(self.least)}"
        beside = (self.rival, self.bare, self.more)
        others = ("" if value is None else self._text(value) for value in beside)
        return (self.what, self._text(self.ours), promised + ", MISSED" * self.missed, *others)

    def data(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self) | {"missed": self.missed}

    def _text(self, value: float) -> str:
        number = f"{value:,.2f}".rstrip("0").rstrip(".")
        return f"{number} {self.unit}".rstrip()


def table(figures: Iterable[Figure], ours: str, *beside: str) -> str:
    """All of them, in columns that are read as they are too; ``beside``: names of the others."""
    titles = ("", ours, "promised", *beside)
    rows = [titles, *(one.row()[: len(titles)] for one in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(r, widths, strict=True)] for r in rows]
    padded.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in padded)
