from collections import Counter
from random import Random
from statistics import mean, median

import pytest
from demo_fleet import Fleet

from portal.cli import demo_jobs
from portal.cli.demo_jobs import LONGEST_SECONDS, PERSONAS, Pool, Standing, asks

VISION, SPEECH, LANGUAGE = PERSONAS
POOL = Pool("h200", gpus=16, within=16, widest=8)
QUOTAS = {"vision": 12}
DAY = 24 * 60
"""Seconds of 24 simulated hours."""
SETTLING = 30


def holding(*gpus: int) -> list[Standing]:
    return [Standing(each) for each in gpus]


def sizes(standing: list[Standing], seed: int = 1) -> list[int]:
    return [job.gpus for job in asks(Random(seed), POOL, standing, QUOTAS)]


@pytest.mark.parametrize("seed", range(4))
def test_for_a_day_the_fleet_is_busy_with_a_short_queue_and_gangs_start(seed: int) -> None:
    fleet = Fleet(clusters=1, nodes=4, gpus=8, seed=seed)
    seen = list(fleet.run(DAY))[SETTLING:]
    assert 0.85 <= mean(ratio for ratio, _ in seen) <= 0.97
    queue = sorted(waiting for _, waiting in seen)
    assert 3 <= queue[len(queue) // 20] <= median(queue) <= queue[-len(queue) // 20] <= 10
    assert fleet.started[8] >= 30
    assert fleet.started[16] >= 1
    assert fleet.reasons["QUOTA_FULL"]
    assert fleet.reasons["BORROW_FULL"]
    assert set(fleet.reasons) <= {"QUOTA_FULL", "BORROW_FULL", "FRAGMENTED", "POOL_FULL"}


def test_gpu_time_divides_by_size_as_published() -> None:
    spent: Counter[int] = Counter()
    for seed in range(4):
        fleet = Fleet(clusters=1, nodes=4, gpus=8, seed=seed)
        list(fleet.run(DAY))
        spent += fleet.gpu_seconds
    large = (spent[8] + spent[16]) / spent.total()
    assert 0.45 <= large <= 0.6  # published: 0.53
    assert 0.2 <= spent[1] / spent.total() <= 0.35  # published: 0.27


@pytest.mark.parametrize(
    ("clusters", "nodes", "gpus", "least"),
    [(1, 1, 4, 0.75), (1, 2, 8, 0.9), (1, 8, 8, 0.85), (2, 4, 8, 0.65), (3, 1, 1, 0.75)],
)
def test_other_fleets_are_busy_too(clusters: int, nodes: int, gpus: int, least: float) -> None:
    fleet = Fleet(clusters, nodes, gpus, seed=1)
    seen = list(fleet.run(DAY // 2))[SETTLING:]
    assert mean(ratio for ratio, _ in seen) >= least
    assert 1 <= median(waiting for _, waiting in seen) <= 10
    assert "INFEASIBLE" not in fleet.reasons


def test_lengths_go_through_their_quantiles() -> None:
    for quantile, seconds in demo_jobs.LENGTHS:
        assert demo_jobs.length(quantile) == pytest.approx(seconds)
    lengths = [demo_jobs.length(n / 500) for n in range(501)]
    assert lengths == sorted(lengths)
    assert lengths[-1] == pytest.approx(3 * 86400)


@pytest.mark.parametrize(
    ("gpus", "widest", "expected"),
    [
        (1, 8, (1, 1)),
        (8, 8, (1, 8)),
        (16, 8, (2, 8)),
        (8, 6, (2, 4)),
        (16, 4, (4, 4)),
        (4, 1, (4, 1)),
    ],
)
def test_a_gang_takes_as_few_pods_as_fit(gpus: int, widest: int, expected: tuple[int, int]) -> None:
    assert demo_jobs.shape(gpus, widest) == expected


def test_a_gang_that_its_nodes_cannot_hold_never_fits() -> None:
    assert POOL.fits(16)
    assert not Pool("a", gpus=18, within=18, widest=6).fits(16)  # four pods of 4 on three nodes


def test_an_empty_pool_is_filled_at_once_with_one_more_in_each_lane() -> None:
    asked = sizes([])
    assert 16 <= sum(asked) <= 34
    for least, under, width in ((8, 99, 8), (2, 8, 4), (1, 2, 4)):
        assert sum(size for size in asked if least <= size < under) > width


def test_nothing_is_asked_for_while_each_lane_has_one_that_waits() -> None:
    waiting = [Standing(8, 3.0), Standing(4, 3.0)]
    full = [*holding(8, 4, 1, 1, 1, 1), *waiting]
    assert {tuple(sizes(full, seed)) for seed in range(30)} == {(), (1,)}
    assert all(sizes([*full, Standing(1, 3.0)], seed) == [] for seed in range(30))
    assert sizes([*holding(8, 4, 1, 1, 1, 1), waiting[1], Standing(1, 3.0)]) in ([8], [16])


def test_while_a_gang_waits_for_the_whole_pool_only_a_few_short_singles_are_asked_for() -> None:
    patient = Standing(16, LONGEST_SECONDS - 40.0)
    asked = asks(Random(1), POOL, [patient, *holding(8)], QUOTAS)
    assert [job.gpus for job in asked] == [1] * demo_jobs.FILLERS
    assert all(job.seconds <= 40 for job in asked)
    assert sizes([patient, *holding(8, 4, 1, 1, 1)]) == [1]
    assert sizes([Standing(16, LONGEST_SECONDS - 1.0), *holding(1)]) == []


def test_while_a_gang_has_the_whole_pool_one_waits_in_each_lane() -> None:
    asked = {tuple(sorted(sizes(holding(16), seed))) for seed in range(60)}
    assert (1, 4, 8) in asked
    assert all((len(each) <= 3 and 8 in each) or 16 in each for each in asked)


def test_a_group_asks_for_no_more_than_others_leave_it() -> None:
    every = [
        job
        for seed in range(20)
        for job in asks(Random(seed), POOL, [], {"language": 12, "speech": 4})
    ]
    assert {job.persona for job in every} == {SPEECH, LANGUAGE}
    assert max(job.gpus for job in every if job.persona == SPEECH) == 4
    assert max(job.gpus for job in every if job.persona == LANGUAGE) == 8
    assert asks(Random(1), POOL, [], {"research": 16}) == []


def test_without_any_quota_everybody_borrows() -> None:
    assert sum(job.gpus for job in asks(Random(1), POOL, [], {})) >= 16


def test_large_gangs_have_the_higher_levels() -> None:
    for seed in range(20):
        for job in asks(Random(seed), POOL, [], QUOTAS):
            allowed = {1: ("low", "normal"), 2: ("normal", "high"), 4: ("normal", "high")}
            assert job.level in allowed.get(job.gpus, ("high", "critical"))


def test_some_workloads_sit_idle_and_none_is_endless() -> None:
    every = [job for seed in range(200) for job in asks(Random(seed), POOL, [], QUOTAS)]
    assert 0.05 < sum(job.load == 0 for job in every) / len(every) < 0.15
    assert all(5 <= job.seconds <= LONGEST_SECONDS for job in every)
    assert len({job.name for job in every}) > 0.99 * len(every)


def test_the_same_seed_asks_for_the_same_work() -> None:
    assert asks(Random(7), POOL, [], QUOTAS) == asks(Random(7), POOL, [], QUOTAS)
    assert asks(Random(7), POOL, [], QUOTAS) != asks(Random(8), POOL, [], QUOTAS)


@pytest.mark.parametrize("gpus", [1, 2, 3, 4, 5, 8, 16, 17, 24, 32, 512])
@pytest.mark.parametrize("who", [(VISION, SPEECH, LANGUAGE), (LANGUAGE, SPEECH, LANGUAGE)])
def test_guarantees_never_exceed_the_pool(gpus: int, who: tuple[demo_jobs.Persona, ...]) -> None:
    pool = Pool("a", gpus, gpus, min(gpus, 8))
    found = demo_jobs.guarantees(pool, who)
    assert sum(found.values()) == (gpus if gpus >= 4 else 0)
    assert sum(lane.width for lane in demo_jobs.lanes(pool, who)) == gpus
