"""What a row has to say under a name of DCGM's, out of the series of ours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.catalogue import POWER, UTILIZATION, Series
from agent.dcgm.names import Name
from agent.dcgm.rows import Row

XID_QUIET_SECONDS = 300.0
"""The last XID is 0 again after this long without one: DCGM's stays for ever."""

XID_LAST = "neurox_gpu_xid_last_timestamp_seconds"
XID_TOTAL = "neurox_gpu_xid_errors_total"
_XID_INFO = "neurox_gpu_xid_info"
_XID_WATCHED: Series = ("neurox_gpu_health", ("xid",))
_NO_XID = ("0", "No Error"), 0.0

_ELSE: Mapping[Series, Series] = {("neurox_gpu_power_average_watts", ()): POWER}
"""What is served in place of a reading that this driver does not have."""

_ESTIMATE: Mapping[Series, Series] = {("neurox_gpu_graphics_active_ratio", ()): UTILIZATION}
"""What is served in its place if that is asked for: near, but another thing."""

Found = tuple[tuple[str, ...], float]
"""Values of the labels that the name has beside those of its row, and ours in our unit."""


@dataclass(frozen=True)
class Readings:
    """One row at one time. ``split`` names the series that GPU instances have of their own."""

    row: Row
    split: frozenset[str]
    rates: Mapping[Series, float]
    now: float
    estimate: bool = False

    def of(self, name: Name) -> Iterator[Found]:
        """What is known: mostly one value, or none."""
        if self.row.instance:
            if name.mig and name.mig in self.row.values:
                yield (), self.row.values[name.mig]
        elif name.mig is None or name.mig[0] not in self.split:
            yield from self._of_gpu(name)

    def _of_gpu(self, name: Name) -> Iterator[Found]:
        kind, _ = name.series
        if kind == XID_LAST:
            yield from self._last_xid()
        elif kind == XID_TOTAL:
            yield from self._each(XID_TOTAL)
        elif name.is_rate:
            yield from self._rate(name)
        else:
            yield from self._first(name.series)

    def _first(self, series: Series) -> Iterator[Found]:
        """The reading itself, else what may stand in its place."""
        known = self.row.values
        tables = (_ELSE, _ESTIMATE) if self.estimate else (_ELSE,)
        for one in (series, *(table[series] for table in tables if series in table)):
            if one in known:
                yield (), known[one]
                return

    def _each(self, kind: str) -> Iterator[Found]:
        return ((own, value) for (name, own), value in self.row.values.items() if name == kind)

    def _rate(self, name: Name) -> Iterator[Found]:
        kind, own = name.series
        rates = [
            rate for (of, labels), rate in self.rates.items() if of == kind and own in ((), labels)
        ]
        if rates:
            yield (), sum(rates)

    def _last_xid(self) -> Iterator[Found]:
        seen = [(at, code) for (code,), at in self._each(XID_LAST)]
        if seen and self.now - max(seen)[0] < XID_QUIET_SECONDS:
            code = max(seen)[1]
            texts = {own[0]: own[-1] for own, _ in self._each(_XID_INFO)}
            yield (code, texts.get(code, "")), float(code)
        elif seen or _XID_WATCHED in self.row.values:
            yield _NO_XID
