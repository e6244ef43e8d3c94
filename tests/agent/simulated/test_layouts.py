"""The layouts of the C header against pynvml's: size of each struct and offset of each member."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pynvml
import pytest

from infra.tools.toolbox import Toolbox

HEADER = Path(__file__).parents[3] / "agent" / "simulated" / "nvml.h"
SAME = {
    "utilization": "c_nvmlUtilization_t",
    "memory": "c_nvmlMemory_t",
    "memory_v2": "c_nvmlMemory_v2_t",
    "bar1_memory": "c_nvmlBAR1Memory_t",
    "temperature_v1": "c_nvmlTemperature_v1_t",
    "margin_temperature_v1": "c_nvmlMarginTemperature_v1_t",
    "row_remapper_histogram": "c_nvmlRowRemapperHistogramValues",
    "sram_errors": "c_nvmlEccSramErrorStatus_v1_t",
    "sample": "c_nvmlSample_t",
    "pci": "nvmlPciInfo_t",
    "field_value": "c_nvmlFieldValue_t",
    "process_info_v2": "c_nvmlProcessInfo_v3_t",
    "process_detail_v1": "c_nvmlProcessDetail_v1_t",
    "process_detail_list_v1": "c_nvmlProcessDetailList_v1_t",
    "process_sample": "c_nvmlProcessUtilizationSample_t",
    "process_sample_v1": "c_nvmlProcessUtilizationInfo_v1_t",
    "process_samples_v1": "c_nvmlProcessesUtilizationInfo_v1_t",
    "device_attributes": "c_nvmlDeviceAttributes",
    "fabric_info_v2": "c_nvmlGpuFabricInfo_v2_t",
    "fabric_info_v3": "c_nvmlGpuFabricInfo_v3_t",
    "event_data": "c_nvmlEventData_t",
    "gpm_support": "c_nvmlGpmSupport_t",
}
# The names of a metric are a struct of their own in pynvml, and the metrics an array at the end.
UNLIKE = {"process_info_v1", "gpm_metric", "gpm_metrics_get"}


def members(body: str) -> list[str]:
    """The names that a struct's declarations declare."""
    names: list[str] = []
    for declaration in filter(str.strip, body.split(";")):
        for name in declaration.split(","):
            found = re.search(r"(\w+)(\[\w*\])?\s*$", name)
            assert found, declaration
            names.append(found[1])
    return names


STRUCTS = {
    name: members(body)
    for name, body in re.findall(r"^struct (\w+) \{([^}]*)\}", HEADER.read_text(), re.MULTILINE)
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    """Sizes and offsets as a C compiler has them, by struct."""
    rows = [
        f'printf("\\"{name}\\": [%zu, '
        + ", ".join("%zu" for _ in fields)
        + f'],\\n", sizeof(struct {name}), '
        + ", ".join(f"offsetof(struct {name}, {field})" for field in fields)
        + ");"
        for name, fields in STRUCTS.items()
    ]
    folder = tmp_path_factory.mktemp("layouts")
    source = "#include <stddef.h>\n#include <stdio.h>\n#include <nvml.h>\nint main(void) {\n"
    (folder / "layouts.c").write_text(source + "\n".join(rows) + "\nreturn 0; }\n")
    env = {**os.environ, **Toolbox.from_env().c_compiler()}
    command = [*shlex.split(env["CC"]), f"-I{HEADER.parent}", "layouts.c", "-o", "layouts"]
    subprocess.run(command, cwd=folder, env=env, check=True, timeout=60)
    printed = subprocess.run(
        [folder / "layouts"], capture_output=True, text=True, check=True, timeout=10
    ).stdout
    found: dict[str, list[int]] = json.loads("{" + printed.rstrip().rstrip(",") + "}")
    return found


def test_every_struct_is_compared() -> None:
    assert set(STRUCTS) == set(SAME) | UNLIKE


@pytest.mark.parametrize("name", SAME)
def test_a_struct_lies_as_pynvml_has_it(name: str, compiled: dict[str, list[int]]) -> None:
    theirs = getattr(pynvml, SAME[name])
    offsets = [getattr(theirs, field).offset for field, _ in theirs._fields_]
    assert compiled[name] == [pynvml.sizeof(theirs), *offsets]


def test_the_metrics_of_gpm_lie_as_pynvml_has_them(compiled: dict[str, list[int]]) -> None:
    one, all_ = pynvml.c_nvmlGpmMetric_t, pynvml.c_nvmlGpmMetricsGet_t
    names = one.metricInfo.offset
    assert compiled["gpm_metric"] == [pynvml.sizeof(one), 0, 4, 8, names, names + 8, names + 16]
    offsets = [getattr(all_, field).offset for field, _ in all_._fields_]
    assert compiled["gpm_metrics_get"] == [all_.metrics.offset, *offsets]
