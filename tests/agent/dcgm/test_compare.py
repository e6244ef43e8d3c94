import re

import pytest

from agent.dcgm.compare import FIELD_REASONS, Missing, missing
from agent.dcgm.scrape import Sample


def sample(name: str, **labels: str) -> Sample:
    return Sample(name, {"UUID": "GPU-a", "gpu": "0", **labels})


UTIL = sample("DCGM_FI_DEV_GPU_UTIL", Hostname="n")


def test_what_both_have_is_not_told() -> None:
    assert missing([UTIL], [UTIL, sample("DCGM_FI_DEV_GPU_TEMP")]) == []


def test_a_series_of_one_gpu_is_missing_though_another_has_it() -> None:
    other = Sample("DCGM_FI_DEV_GPU_UTIL", {"UUID": "GPU-b"})
    (found,) = missing([UTIL, other], [UTIL])
    assert (found.gpu, found.lacks) == ("GPU-b", "series")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("DCGM_FI_DEV_GPU_UTIL_RATIO", "the same field is DCGM_FI_DEV_GPU_UTIL here"),
        ("DCGM_FI_PROF_SM_ACTIVE", "absent before Hopper"),
        ("DCGM_FI_DEV_ENC_UTIL", "neither this GPU nor its driver tells the agent"),
        ("DCGM_FI_DEV_VGPU_LICENSE_STATUS", "virtual GPUs"),
        ("DCGM_EXP_XID_ERRORS_COUNT", "increase\\(DCGM_EXP_XID_ERRORS_TOTAL"),
        ("DCGM_FI_DEV_FABRIC_MANAGER_STATUS", "an opt-in field of DCGM"),
        ("go_goroutines", "not a field of DCGM"),
    ],
)
def test_each_missing_series_comes_with_its_reason(name: str, why: str) -> None:
    (found,) = missing([sample(name)], [UTIL])
    assert found.lacks == "series"

    assert re.search(why, found.reason)


def test_a_label_that_is_missing_is_told_once_for_a_gpu() -> None:
    theirs = [sample("DCGM_FI_DEV_GPU_UTIL", Hostname="n", DCGM_FI_DEV_SERIAL="1", vgpu="2")]
    ours = [sample("DCGM_FI_DEV_GPU_UTIL", Hostname="other")]
    found = missing(theirs * 2, ours)
    assert [one.lacks for one in found] == ["label DCGM_FI_DEV_SERIAL", "label vgpu"]
    assert "neurox_gpu_info" in found[0].reason


def held(pod: str, namespace: str = "vision") -> Sample:
    return sample("DCGM_FI_DEV_FB_USED", namespace=namespace, pod=pod, container="main")


def test_a_row_of_each_pod_that_shares_a_gpu_is_told_with_where_its_part_is() -> None:
    device = sample("DCGM_FI_DEV_FB_USED")
    # One name in two namespaces is two pods; a pod's second row is no other pod.
    theirs = [device, held("a"), held("a", "speech"), held("b"), held("b")]
    found = missing(theirs, [device])
    assert [one.lacks for one in found] == [
        "row of pod vision/a",
        "row of pod speech/a",
        "row of pod vision/b",
    ]
    assert all("neurox_pod_gpu_memory_used_bytes" in one.reason for one in found)


@pytest.mark.parametrize("ours", [sample("DCGM_FI_DEV_FB_USED"), held("b")])
def test_a_pod_that_only_the_exporter_knows_to_hold_a_gpu_is_told(ours: Sample) -> None:
    (found,) = missing([held("a")], [ours])
    assert found.lacks == "row of pod vision/a"
    assert found.reason == "the agent does not know this pod as the one that holds the GPU"


def test_a_pod_that_both_know_lacks_at_most_its_container() -> None:
    assert missing([held("a")], [held("a")]) == []
    ours = sample("DCGM_FI_DEV_FB_USED", namespace="vision", pod="a")
    (found,) = missing([held("a")], [ours])
    assert (found.lacks, found.reason) == (
        "label container",
        "several containers of the pod hold the GPU",
    )


def test_an_instances_copy_of_the_gpus_value_is_told_as_such() -> None:
    theirs = [sample("DCGM_FI_DEV_POWER_USAGE", GPU_I_ID="3")]
    (found,) = missing(theirs, [sample("DCGM_FI_DEV_POWER_USAGE")])
    assert found == Missing(
        "DCGM_FI_DEV_POWER_USAGE",
        "GPU-a/3",
        "label GPU_I_ID",
        "the value of the whole GPU, which is told once and not for each instance",
    )


def test_every_name_has_a_reason() -> None:
    assert FIELD_REASONS.of("anything at all") == "not a field of DCGM"
