from agent.xids import CODES_MOST, XIDS, XidTally

APPLICATION = {"13", "31", "43", "45", "68", "109"}
UUID = "GPU-1"


def test_the_catalogue_tells_applications_from_hardware() -> None:
    assert {code for code, xid in XIDS.items() if xid.cause == "application"} >= APPLICATION
    assert all(XIDS[code].cause == "application" for code in APPLICATION)
    assert {XIDS[code].severity for code in ("48", "79", "95", "119")} == {"critical"}
    for xid in XIDS.values():
        assert xid.severity in {"info", "warning", "critical"}
        assert xid.cause in {"application", "driver", "hardware", "link"}
        assert xid.text.endswith(".")


def test_each_code_has_a_count_a_time_and_a_meaning() -> None:
    tally = XidTally()
    tally.count(UUID, 79, 100.0)
    tally.count(UUID, 79, 200.0)
    values = tally.values(UUID)
    assert values["neurox_gpu_xid_errors_total", ("79",)] == 2
    assert values["neurox_gpu_xid_last_timestamp_seconds", ("79",)] == 200
    assert values["neurox_gpu_xid_info", ("79", "critical", "hardware", XIDS["79"].text)] == 1
    assert tally.values("GPU-2") == {}


def test_a_flood_of_codes_does_not_make_series_without_end() -> None:
    tally = XidTally()
    for code in range(10_000):
        tally.count(UUID, code, 1.0)
    seen = tally.seen(UUID)
    assert len(seen) == CODES_MOST + 1
    assert sum(one.count for one in seen.values()) == 10_000
