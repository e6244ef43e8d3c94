from random import Random

import pytest

from portal.cli import demo_jobs
from portal.cli.demo_jobs import PERSONAS


def test_lengths_go_through_their_quantiles() -> None:
    for quantile, seconds in demo_jobs.LENGTHS:
        assert demo_jobs.length(quantile) == pytest.approx(seconds)
    lengths = [demo_jobs.length(n / 500) for n in range(501)]
    assert lengths == sorted(lengths)
    assert lengths[-1] == pytest.approx(3 * 86400)


def test_sizes_are_spread_as_published_and_never_too_large() -> None:
    random = Random(1)
    sizes = [demo_jobs.size(random, 16) for _ in range(5000)]
    assert sizes.count(1) / 5000 == pytest.approx(0.69, abs=0.03)
    assert sizes.count(8) / 5000 == pytest.approx(0.127, abs=0.02)
    assert set(sizes) == {1, 2, 4, 8, 16}
    assert {demo_jobs.size(random, 3) for _ in range(200)} == {1, 2}
    assert demo_jobs.size(random, 0) == 1


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


def test_the_first_wave_fills_the_room_exactly_largest_first() -> None:
    found = demo_jobs.wave(Random(1), 28, 16, 60)
    sizes = [job.gpus for _, job in found]
    assert sum(sizes) == 28
    assert sizes == sorted(sizes, reverse=True)
    assert demo_jobs.wave(Random(1), 0, 16, 60) == demo_jobs.wave(Random(1), -3, 16, 60) == []


def test_over_many_waves_all_three_take_part_and_some_sit_idle() -> None:
    found = demo_jobs.wave(Random(1), 2000, 16, 60)
    assert {persona.user for persona, _ in found} == {"amara", "bjorn", "hana"}
    idle = sum(job.load == 0 for _, job in found) / len(found)
    assert 0.03 < idle < 0.12
    assert all(5 <= job.seconds <= demo_jobs.LONGEST_IN_WAVE_SECONDS for _, job in found)
    assert len({job.name for _, job in found}) > 0.99 * len(found)


def test_the_same_seed_asks_for_the_same_work() -> None:
    assert demo_jobs.wave(Random(7), 64, 16, 60) == demo_jobs.wave(Random(7), 64, 16, 60)
    assert demo_jobs.wave(Random(7), 64, 16, 60) != demo_jobs.wave(Random(8), 64, 16, 60)


def test_a_batch_is_alike_in_kind_size_and_level() -> None:
    random = Random(3)
    batches = [demo_jobs.batch(random, PERSONAS[0], 16, 60) for _ in range(300)]
    for jobs in batches:
        assert len({(job.gpus, job.level) for job in jobs}) == 1
    assert 6 < sum(map(len, batches)) / 300 < 8.5


def test_one_group_is_busy_at_a_time_and_each_has_its_turn() -> None:
    for hour in range(0, 54):
        eager = [demo_jobs.activity(i, hour + 0.5) for i in range(3)]
        assert sorted(eager) == [0.1, 0.1, 2.8]
    assert 0.95 < demo_jobs.target(18) < demo_jobs.target(0) < demo_jobs.target(6) < 1.2
