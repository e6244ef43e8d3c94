"""Charts."""

from portal.schemas.base import Model


class Series(Model):
    """Columns of a chart: one time axis, one column a line; null where nothing was measured."""

    unit: str
    times: list[float]
    """Epoch seconds."""
    names: list[str]
    columns: list[list[float | None]]
