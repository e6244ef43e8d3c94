"""The catalogue tells from which calls, fields and GPM metrics a reading is; the code agrees."""

import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from agent.catalogue import METRICS
from agent.device import TIERS
from agent.devices import Devices
from agent.instances import RATIOS as OF_INSTANCES
from agent.nvml.calls import Row
from agent.nvml.field_table import FIELDS, LINK_ERRORS, LINK_FIELDS, nvlink_errors
from agent.nvml.fields import FieldRow
from agent.nvml.rows import Readings
from agent.nvml.tables import MIG_ROWS, ROWS
from agent.profiling import BYTES, RATIOS, SECONDS, TENSOR_RATIOS
from tests.agent.gpus import uuid

OF_SEVERAL_CALLS = {
    "neurox_node_gpus",
    "neurox_gpu_info",
    "neurox_gpu_up",
    "neurox_gpu_busy_seconds_total",
    "neurox_gpu_nvlink_up",
    "neurox_gpu_xid_errors_total",
    "neurox_gpu_xid_last_timestamp_seconds",
    "neurox_gpu_xid_info",
    "neurox_gpu_health",
    "neurox_mig_info",
}
"""Not out of a table; of these, and of pods and the agent itself, the source is read by people."""


def from_code() -> Iterator[tuple[str, str]]:
    """Metric and where it comes from: a call, a field or a metric of GPM."""
    asked: list[Row | FieldRow | None] = [*ROWS, *MIG_ROWS, *FIELDS, *LINK_FIELDS]
    while asked:
        row = asked.pop()
        if isinstance(row, Row):
            yield from ((name, row.call) for name in row.names)
        elif row:
            yield row.series[0], f"field {row.number}"
        if row:
            asked.append(row.otherwise)
    yield from ((nvlink_errors("")[0], f"field {number}") for number in LINK_ERRORS)
    for table in (RATIOS, TENSOR_RATIOS, BYTES, SECONDS):
        yield from ((name, f"GPM {number}") for number, (name, _) in table.items())
    for number, (name, _) in OF_INSTANCES.items():
        yield from ((name, f"GPM {number}"), (name, "nvmlGpmMigSampleGet"))


def from_catalogue(source: str) -> set[str]:
    """The same out of a sentence, as in "fields 3-6, else GPM 20 and 21"."""
    fields, _, metrics = re.sub(r"nvml\w+", "", source).partition("GPM")
    found = set(re.findall(r"nvml\w+", source))
    for kind, text in (("field", fields), ("GPM", metrics)):
        for first, last in re.findall(r"\b(\d+)(?:-(\d+))?\b", text):
            found |= {f"{kind} {number}" for number in range(int(first), int(last or first) + 1)}
    return found


def test_every_metric_is_read_from_what_the_catalogue_says() -> None:
    told: dict[str, set[str]] = {}
    for name, source in from_code():
        told.setdefault(name, set()).add(source)
    of_gpus = {name for name, metric in METRICS.items() if metric.scope in ("gpu", "mig")}
    elsewhere = {name for name in of_gpus if re.search("unattributed|ended_pods|job_info", name)}
    assert set(told) == of_gpus - elsewhere - OF_SEVERAL_CALLS
    for name, sources in told.items():
        assert sources == from_catalogue(METRICS[name].source), name


def test_each_call_is_of_one_tier_and_gives_no_more_than_it_says(
    devices: Devices, scenario: Callable[[str], None]
) -> None:
    for row in (*ROWS, *MIG_ROWS):
        assert len({METRICS[name].tier for name in row.names}) == 1, row.call
    scenario(f"driver = 580.95.05\n[gpu 0]\nprofile = h200\nuuid = {uuid(0)}\n")
    devices.driver.open()
    for row in ROWS:
        found = Readings(devices.driver.handle(0), [row], []).read(row.tier, Counter())
        assert {name for name, _ in found} <= set(row.names), row.call


@pytest.mark.parametrize("tier", ["F", *TIERS])
def test_a_tier_has_what_the_catalogue_puts_there(
    devices: Devices, scenario: Callable[[str], None], tier: str
) -> None:
    scenario(f"driver = 580.95.05\n[gpu 0]\nprofile = h200\nuuid = {uuid(0)}\n")
    devices.driver.open()
    found = Readings(devices.driver.handle(0), ROWS, FIELDS).read(tier, Counter())
    assert {METRICS[name].tier for name, _ in found} == {tier}
