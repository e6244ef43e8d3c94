"""GPM: activity averaged between two samples, with a result for each metric."""

import pytest

from tests.agent.simulated.asked import HEAD, OPEN, Ask, of

BEGIN = """
def at(clock, lines=None):
    put(f"clock = {clock}\\n" + (lines or gpus))

def sampled(take):
    sample = n.nvmlGpmSampleAlloc()
    take(sample)
    return sample

def metrics(first, second, *ids):
    get = n.c_nvmlGpmMetricsGet_t(version=1, numMetrics=len(ids), sample1=first, sample2=second)
    for index, one in enumerate(ids):
        get.metrics[index].metricId = one
    n.nvmlGpmMetricsGet(get)
    return [-m.nvmlReturn or round(m.value, 3) for m in get.metrics[:len(ids)]]
"""


def begin(gpus: str, *lines: str) -> str:
    return BEGIN + f"gpus = {HEAD + gpus!r}\n" + OPEN + "\n".join(lines) + "\n"


def test_activity_is_the_mean_between_the_samples_over_a_change(ask: Ask) -> None:
    gpus = of("h200", "sm_active = 0.2", "sm_occupancy = square 0.4 0.4 8")
    steps = begin(
        gpus,
        "first = sampled(lambda s: n.nvmlGpmSampleGet(gpu, s))",
        "at(103)",
        "at(103, gpus.replace('= 0.2', '= 0.8'))",
        "at(104, gpus.replace('= 0.2', '= 0.8'))",
        "second = sampled(lambda s: n.nvmlGpmSampleGet(gpu, s))",
    )
    script = "metrics(first, second, 2, 3)"
    answer = ask("clock = 100\n" + HEAD + gpus, script, steps).answer
    assert answer == [pytest.approx((3 * 20 + 80) / 4), pytest.approx(0, abs=0.01)]


def test_every_metric_of_a_busy_gpu_follows_its_load(ask: Ask) -> None:
    gpus = of("h200", "utilization = 0.5")
    steps = begin(
        gpus,
        "first = sampled(lambda s: n.nvmlGpmSampleGet(gpu, s))",
        "at(101)",
        "second = sampled(lambda s: n.nvmlGpmSampleGet(gpu, s))",
    )
    script = "metrics(first, second, 1, 2, 5, 6, 7, 8, 9, 10, 12, 20, 60, 61, 62, 97, 98, 500)"
    mib = 90e9 / 1024**2
    link = mib / 18
    assert ask("clock = 100\n" + HEAD + gpus, script, steps).answer == pytest.approx(
        [
            49.5,
            44,
            23,
            0.5,
            20,
            1,
            1.5,
            29,
            10.5,
            4500100000 / 1024**2,
            mib,
            mib,
            link,
            link,
            -3,
            -3,
        ],
        rel=1e-4,
    )


def test_an_instance_does_what_its_processes_do(ask: Ask) -> None:
    layout = ("mig = 1 0 3g.71gb", "mig = 2 0 4g.71gb", "process = 7 1000000 0.3 gi 1")
    gpus = of("h200", *layout)
    steps = begin(
        gpus,
        "first = [sampled(lambda s: n.nvmlGpmMigSampleGet(gpu, gi, s)) for gi in (1, 2)]",
        "whole = sampled(lambda s: n.nvmlGpmSampleGet(gpu, s))",
        "at(102)",
        "second = [sampled(lambda s: n.nvmlGpmMigSampleGet(gpu, gi, s)) for gi in (1, 2)]",
        "now = sampled(lambda s: n.nvmlGpmSampleGet(gpu, s))",
        "spare = n.nvmlGpmSampleAlloc()",
    )
    script = """[metrics(first[0], second[0], 2, 20), metrics(first[1], second[1], 2),
        metrics(whole, now, 2), code(metrics, first[0], second[1], 2),
        code(n.nvmlGpmMigSampleGet, gpu, 5, spare)]"""
    assert ask("clock = 100\n" + HEAD + gpus, script, steps).answer == [
        [pytest.approx(70), -3],
        [0],
        [pytest.approx(30)],
        2,
        2,
    ]


def test_samples_of_one_moment_have_no_value_and_never_nan(ask: Ask) -> None:
    gpus = of("h100", "utilization = 0.5")
    steps = begin(
        gpus, "first, second = (sampled(lambda s: n.nvmlGpmSampleGet(gpu, s)) for _ in 'ab')"
    )
    script = "[metrics(first, second, 2, 20), metrics(second, first, 2)]"
    assert ask("clock = 100\n" + HEAD + gpus, script, steps).answer == [[-21, -21], [-21]]


def test_wrong_versions_and_samples_that_were_never_taken_are_refused(ask: Ask) -> None:
    steps = begin(
        of("h100"),
        "get = n.c_nvmlGpmMetricsGet_t(version=2, numMetrics=0)",
        "support = n.c_nvmlGpmSupport_t(version=7)",
        "query = n._nvmlGetFunctionPointer('nvmlGpmQueryDeviceSupport')",
        "empty = n.nvmlGpmSampleAlloc()",
    )
    script = """[code(n.nvmlGpmMetricsGet, get), query(gpu, n.byref(support)),
        code(metrics, empty, empty, 2), n.nvmlGpmSampleFree(empty)]"""
    assert ask(HEAD + of("h100"), script, steps).answer == [25, 25, 2, None]


def test_only_the_metrics_asked_for_are_touched(ask: Ask) -> None:
    gpus = of("h100")
    steps = begin(
        gpus,
        "first, second = (sampled(lambda s: n.nvmlGpmSampleGet(gpu, s)) for _ in 'ab')",
        "get = n.c_nvmlGpmMetricsGet_t(version=1, numMetrics=1, sample1=first, sample2=second)",
        "get.metrics[0].metricId = get.metrics[1].metricId = 2",
        "get.metrics[1].value = 7; get.metrics[1].nvmlReturn = 99",
        "n.nvmlGpmMetricsGet(get)",
    )
    script = "[get.metrics[0].nvmlReturn, get.metrics[1].value, get.metrics[1].nvmlReturn]"
    assert ask("clock = 100\n" + HEAD + gpus, script, steps).answer == [21, 7, 99]


@pytest.mark.parametrize("profile", ["a100", "l40s", "t4"])
def test_before_hopper_there_is_no_gpm(ask: Ask, profile: str) -> None:
    steps = begin(of(profile), "sample = n.nvmlGpmSampleAlloc()")
    script = """[n.nvmlGpmQueryDeviceSupport(gpu).isSupportedDevice,
        code(n.nvmlGpmSampleGet, gpu, sample)]"""
    assert ask(HEAD + of(profile, "sm_active = 0.5"), script, steps).answer == [0, 3]
