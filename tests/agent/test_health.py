import pytest

from agent.catalogue import Series, Values
from agent.health import XID_SECONDS, health
from agent.xids import Seen

NOW = 1_000_000.0


def of(name: str, *labels: str) -> Series:
    return f"neurox_gpu_{name}", labels


def check(name: str, values: Values) -> float | None:
    return health(True, values, {}, NOW).get(of("health", name))


@pytest.mark.parametrize(
    ("name", "values", "worst"),
    [
        ("row_remap", {}, None),
        ("row_remap", {of("row_remap_failed"): 0, of("row_remap_pending"): 0}, 0),
        ("row_remap", {of("row_remap_failed"): 0, of("row_remap_pending"): 1}, 1),
        ("row_remap", {of("row_remap_failed"): 1, of("row_remap_pending"): 0}, 2),
        ("row_remap", {of("retired_pages_pending"): 1}, 1),
        ("ecc", {of("ecc_errors_total", "uncorrected", "volatile"): 3}, 1),
        ("ecc", {of("ecc_errors_total", "corrected", "volatile"): 3}, None),
        ("thermal", {of("clock_event_active", "hw_thermal"): 1}, 1),
        ("thermal", {of("clock_event_active", "thermal"): 0}, 0),
        ("power", {of("clock_event_active", "power_brake"): 1}, 1),
        ("power", {of("clock_event_active", "power_cap"): 1}, None),
        ("pcie", {of("pcie_link_width", "current"): 8, of("pcie_link_width", "max"): 16}, 1),
        ("pcie", {of("pcie_link_width", "current"): 16, of("pcie_link_width", "max"): 16}, 0),
        ("nvlink", {of("nvlink_links"): 2, of("nvlink_up", "0"): 1, of("nvlink_up", "1"): 0}, 1),
        ("nvlink", {of("nvlink_links"): 1, of("nvlink_up", "0"): 1}, 0),
        ("nvlink", {of("nvlink_links"): 4e9, of("nvlink_up", "0"): 1}, 0),
        ("nvlink", {of("nvlink_links"): 0}, None),
        ("fabric", {of("fabric_state"): 3, of("fabric_health"): 1}, 0),
        ("fabric", {of("fabric_state"): 2}, 1),
        ("fabric", {of("fabric_state"): 3, of("fabric_health"): 2}, 2),
        ("recovery", {of("recovery_action"): 0}, 0),
        ("recovery", {of("recovery_action"): 3}, 1),
        ("recovery", {of("recovery_action"): 4}, 2),
    ],
)
def test_each_check_follows_its_readings(name: str, values: Values, worst: int | None) -> None:
    assert check(name, values) == worst


@pytest.mark.parametrize("code", ["13", "31", "43", "45", "68", "109"])
def test_errors_of_applications_are_no_fault_of_the_gpu(code: str) -> None:
    found = health(True, {}, {code: Seen(9, NOW)}, NOW)
    assert found == {of("health", "lost"): 0, of("health", "xid"): 0}


def test_a_critical_xid_counts_for_an_hour() -> None:
    seen = {"79": Seen(1, NOW)}
    assert health(True, {}, seen, NOW)[of("health", "xid")] == 2
    assert health(True, {}, seen, NOW + XID_SECONDS + 1)[of("health", "xid")] == 0


def test_a_lost_gpu_has_failed() -> None:
    assert health(False, {}, {}, NOW)[of("health", "lost")] == 2
