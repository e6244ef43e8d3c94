"""Which field gives which series of a GPU; how often it is asked stands in the catalogue."""

from ctypes import c_ulonglong

from agent.catalogue import ENERGY, POWER, Series
from agent.nvml.calls import Row, number
from agent.nvml.fields import ALL_LINKS, FieldRow


def _gpu(name: str, *labels: str) -> Series:
    return f"neurox_gpu_{name}", labels


def nvlink_errors(kind: str, *link: str) -> Series:
    """Errors of all links, or of one before they are added up."""
    return _gpu("nvlink_errors_total", kind, *link)


def _ecc(severity: str, lifetime: str, code: tuple[int, int]) -> Row:
    return number(
        _gpu("ecc_errors_total", severity, lifetime),
        "nvmlDeviceGetTotalEccErrors",
        inputs=code,
        kind=c_ulonglong,
    )


def _throttled(code: int, series: Series) -> FieldRow:
    old = _THROTTLED_OLD.get(code)
    otherwise = FieldRow(old, series, 1e-9) if old else None
    return FieldRow(code, series, 1e-9, otherwise=otherwise)


_THROTTLED = {
    74: "power_cap",
    269: "thermal",
    76: "sync_boost",
    77: "board_limit",
    78: "low_utilization",
    79: "reliability",
    270: "hw_thermal",
    271: "power_brake",
}
_THROTTLED_OLD = {269: 75}
"""What tells the same on older drivers."""
_PCIE_ERRORS = (
    "correctable",
    "naks_received",
    "receiver",
    "bad_tlp",
    "naks_sent",
    "bad_dllp",
    "non_fatal",
    "fatal",
    "unsupported_request",
    "lcrc",
    "lane",
)
_NVLINK_ERRORS = {
    206: "malformed_packet",
    207: "buffer_overrun",
    208: "receive",
    209: "receive_remote",
    210: "receive_general",
    211: "link_integrity",
    212: "transmit_discard",
    213: "recovery_successful",
    214: "recovery_failed",
    215: "recovery_event",
    219: "effective",
    221: "symbol",
}
"""Of Blackwell and newer. The fields between and after them tell rates of errors, no counts."""
LINK_ERRORS = {161: "dl_replay", 162: "dl_recovery", 163: "dl_crc"}
"""Before Blackwell, and of one link each time."""
_KIB = 1024
PCIE_BYTES = {way: _gpu("pcie_bytes_total", way) for way in ("transmit", "receive")}
NVLINK_BYTES = {way: _gpu("nvlink_bytes_total", way) for way in ("transmit", "receive")}
NVLINKS = _gpu("nvlink_links")
LINKS_MOST = 36
"""NVLinks that are asked for, whatever a driver says it has."""
_NVLINK_FIELDS = (138, 202, "transmit"), (139, 204, "receive")
"""In KiB; of drivers that do not know those, in bytes; and which way."""
FIELDS: tuple[FieldRow, ...] = (
    FieldRow(186, POWER, 1e-3, otherwise=number(POWER, "nvmlDeviceGetPowerUsage", 1e-3)),
    FieldRow(185, _gpu("power_average_watts"), 1e-3),
    FieldRow(
        83,
        ENERGY,
        1e-3,
        otherwise=number(ENERGY, "nvmlDeviceGetTotalEnergyConsumption", 1e-3, kind=c_ulonglong),
    ),
    FieldRow(82, _gpu("temperature_celsius", "memory")),
    *(
        _throttled(code, _gpu("throttled_seconds_total", reason))
        for code, reason in _THROTTLED.items()
    ),
    FieldRow(197, PCIE_BYTES["transmit"]),
    FieldRow(198, PCIE_BYTES["receive"]),
    FieldRow(
        94,
        _gpu("pcie_replays_total"),
        otherwise=number(_gpu("pcie_replays_total"), "nvmlDeviceGetPcieReplayCounter"),
    ),
    *(
        FieldRow(
            kib,
            NVLINK_BYTES[way],
            _KIB,
            scope=ALL_LINKS,
            otherwise=FieldRow(count, NVLINK_BYTES[way], scope=ALL_LINKS),
        )
        for kib, count, way in _NVLINK_FIELDS
    ),
    FieldRow(187, _gpu("power_limit_watts", "min"), 1e-3),
    FieldRow(188, _gpu("power_limit_watts", "max"), 1e-3),
    FieldRow(189, _gpu("power_limit_watts", "default"), 1e-3),
    *(FieldRow(173 + at, _gpu("pcie_errors_total", kind)) for at, kind in enumerate(_PCIE_ERRORS)),
    *(
        FieldRow(code, nvlink_errors(kind))
        for code, kind in ((38, "crc_flit"), (45, "crc_data"), (52, "replay"), (59, "recovery"))
    ),
    *(
        FieldRow(code, nvlink_errors(kind), scope=ALL_LINKS)
        for code, kind in _NVLINK_ERRORS.items()
    ),
    FieldRow(91, NVLINKS),
    *(
        FieldRow(code, _gpu("ecc_errors_total", *labels), otherwise=_ecc(*labels, kind))
        for code, labels, kind in (
            (3, ("corrected", "volatile"), (0, 0)),
            (4, ("uncorrected", "volatile"), (1, 0)),
            (5, ("corrected", "aggregate"), (0, 1)),
            (6, ("uncorrected", "aggregate"), (1, 1)),
        )
    ),
    FieldRow(142, _gpu("remapped_rows", "correctable")),
    FieldRow(143, _gpu("remapped_rows", "uncorrectable")),
    FieldRow(144, _gpu("row_remap_pending")),
    FieldRow(145, _gpu("row_remap_failed")),
    FieldRow(29, _gpu("retired_pages", "single_bit")),
    FieldRow(30, _gpu("retired_pages", "double_bit")),
    FieldRow(31, _gpu("retired_pages_pending")),
    FieldRow(230, _gpu("recovery_action")),
)
"""All fields; which of them a GPU supports, the first reading finds out."""


def _link_bytes(link: int, kib: int, count: int, way: str) -> FieldRow:
    series = _gpu("nvlink_link_bytes_total", str(link), way)
    return FieldRow(kib, series, _KIB, scope=link, otherwise=FieldRow(count, series, scope=link))


LINK_FIELDS: tuple[FieldRow, ...] = tuple(
    _link_bytes(link, *field) for link in range(LINKS_MOST) for field in _NVLINK_FIELDS
)
"""Bytes of each NVLink; a link that the GPU lacks is not supported."""
