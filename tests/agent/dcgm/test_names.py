from agent.catalogue import METRICS
from agent.dcgm.names import FIELDS, GENERATIONS, Field

BY_LEGACY = {field.legacy.name: field for field in FIELDS}


def field(legacy: str) -> Field:
    return BY_LEGACY[legacy]


def test_every_name_is_made_of_a_series_in_the_catalogue() -> None:
    for one in FIELDS:
        for name in (one.legacy, one.current):
            kind, labels = name.series
            assert kind in METRICS, name.name
            assert len(labels) <= len(METRICS[kind].labels), name.name
            if name.mig:
                assert METRICS[name.mig[0]].scope == "mig", name.name


def test_no_name_is_served_twice_in_a_generation() -> None:
    for generation in GENERATIONS:
        names = [one.named(generation).name for one in FIELDS]
        assert len(set(names)) == len(names) >= 40


def test_a_value_is_told_in_the_unit_of_its_generation() -> None:
    assert field("DCGM_FI_DEV_GPU_UTIL").legacy.value(0.57) == 57
    assert field("DCGM_FI_DEV_GPU_UTIL").current.value(0.57) == 0.57
    assert field("DCGM_FI_DEV_FB_USED").legacy.value(3 << 20) == 3
    assert field("DCGM_FI_DEV_FB_USED").current.value(3 << 20) == 3 << 20
    assert field("DCGM_FI_DEV_SM_CLOCK").legacy.value(1.98e9) == 1980
    assert field("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION").legacy.value(1.5) == 1500
    assert field("DCGM_FI_DEV_POWER_VIOLATION").legacy.value(2.0) == 2e9
    assert field("DCGM_FI_DEV_POWER_VIOLATION").current.value(2.0) == 2


def test_what_the_common_boards_and_cost_tools_ask_for_is_there() -> None:
    asked = (
        "DCGM_FI_DEV_GPU_TEMP DCGM_FI_DEV_POWER_USAGE DCGM_FI_DEV_SM_CLOCK DCGM_FI_DEV_GPU_UTIL "
        "DCGM_FI_DEV_FB_USED DCGM_FI_PROF_PIPE_TENSOR_ACTIVE DCGM_FI_PROF_GR_ENGINE_ACTIVE"
    )
    assert all(field(name).legacy.default for name in asked.split())
