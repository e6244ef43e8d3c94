"""Arguments as pynvml gives them, by their types."""

import ctypes

import pynvml
import pytest

from agent.record.layout import Layout
from agent.record.scrub import Scrubber


@pytest.fixture
def layout() -> Layout:
    return Layout(Scrubber(host=""))


def device(address: int = 0x7000) -> ctypes._Pointer:
    return ctypes.cast(ctypes.c_void_p(address), pynvml.c_nvmlDevice_t)


def test_the_same_pointer_is_the_same_handle(layout: Layout) -> None:
    names = [layout.question("call", (device(at),)) for at in (0x7000, 0x8000, 0x7000)]
    assert names == ["@device1", "@device2", "@device1"]


def test_of_a_versioned_structure_the_question_is_its_version(layout: Layout) -> None:
    memory = pynvml.c_nvmlMemory_v2_t()
    memory.version, memory.total = pynvml.nvmlMemory_v2, 7
    given = (device(), ctypes.byref(memory))
    assert layout.question("call", given) == "@device1 [28000002?36.]"
    assert layout.answer("call", given, good=True) == "[28000002z4.07z31.]"


def test_of_field_values_the_question_is_which_fields_in_which_scope(layout: Layout) -> None:
    values = (pynvml.c_nvmlFieldValue_t * 2)()
    values[0].fieldId, values[1].fieldId, values[1].scopeId = 186, 138, 3
    values[0].timestamp = 99
    question = layout.question("call", (ctypes.c_int32(2), ctypes.byref(values)))
    assert question == "=2 [baz7.?32.8a00000003000000?32.]"


def test_the_room_in_a_list_is_part_of_the_question(layout: Layout) -> None:
    processes = (pynvml.c_nvmlProcessInfo_v3_t * 2)()
    count = ctypes.c_uint(2)
    assert layout.question("call", (ctypes.byref(count), processes)) == "[02000000] [?48.]"
    assert layout.question("call", (ctypes.byref(count), None)) == "[02000000] -"


def test_of_a_list_the_answer_is_what_the_driver_counted_and_as_much_again() -> None:
    layout = Layout(Scrubber(host=""))
    processes = (pynvml.c_nvmlProcessInfo_v3_t * 5)()
    given = (ctypes.byref(ctypes.c_uint(1)), processes)
    assert layout.answer("call", given, good=True) == "[01000000] [z48.?72.]"
    assert layout.answer("call", given, good=False) == "[01000000] [?120.]"


def test_time_stamps_make_no_new_question(layout: Layout) -> None:
    asked = {layout.question("call", (ctypes.c_ulonglong(at),)) for at in (1, 2)}
    assert asked == {"?"}


def test_a_pointer_in_a_structure_is_followed_as_far_as_its_count(layout: Layout) -> None:
    info = pynvml.c_nvmlProcessesUtilizationInfo_v1_t()
    info.version, info.processSamplesCount = pynvml.ProcessesUtilizationInfo_v1, 1
    samples = (pynvml.c_nvmlProcessUtilizationInfo_v1_t * 1)()
    samples[0].pid = 0x11223344
    info.procUtilArray = samples
    given = (ctypes.byref(info),)
    assert layout.question("call", given) == "[1800000101000000?8.&[?40.]]"
    assert "&[z8.44332211z" in layout.answer("call", given, good=True)
    assert "&" not in layout.answer("call", given, good=False)


def test_of_gpm_metrics_only_those_asked_for_count(layout: Layout) -> None:
    metrics = pynvml.c_nvmlGpmMetricsGet_t()
    metrics.version, metrics.numMetrics = 1, 1
    metrics.metrics[0].metricId = 2
    metrics.sample1 = ctypes.cast(ctypes.c_void_p(0x9000), pynvml.c_nvmlGpmSample_t)
    question = layout.question("call", (ctypes.byref(metrics),))
    assert question.startswith("[0100000001000000@gpmsample1.z8.02000000?")
    assert question.count("?") == 1


def test_a_text_given_is_read_and_cleaned(layout: Layout) -> None:
    text = ctypes.c_char_p(b"GPU-5e0b9a4e-9a8e-5b0e-9d0c-0123456789ab")
    question = layout.question("call", (text,))
    assert question.startswith("$[4750552d3030")
    assert bytes.fromhex(question[2:-1]).endswith(b"-000000000001\0")
