from agent.catalogue import Series
from agent.dcgm.rates import QUIET_SECONDS, Rates
from agent.snapshot import Gpu, Identity, Snapshot

SENT: Series = ("neurox_gpu_pcie_bytes_total", ("transmit",))


def followed(*seen: tuple[float, float]) -> float | None:
    rates = Rates()
    for at, value in seen:
        gpu = Gpu(Identity(0, uuid="GPU-a"), up=True, values={SENT: value})
        rates.follow(Snapshot(taken_at=at, gpus=(gpu,)))
    return rates.of("GPU-a").get(SENT)


def test_a_rate_is_the_mean_between_two_changes_however_often_one_looks() -> None:
    assert followed((0, 0), (10, 100), (11, 100), (12, 100), (20, 300)) == 20


def test_a_counter_seen_once_has_no_rate() -> None:
    assert followed((0, 5)) is None
    assert followed((0, 5), (5, 5)) is None


def test_a_counter_that_stands_still_comes_to_rest() -> None:
    assert followed((0, 0), (10, 100), (39, 100)) == 10
    assert followed((0, 0), (10, 100), (10 + QUIET_SECONDS, 100)) == 0


def test_the_first_rate_after_a_rest_is_not_spread_over_the_rest() -> None:
    still = [(float(second), 100.0) for second in range(10, 3600)]
    assert followed((0, 0), *still, (3600, 1200)) == 100


def test_a_counter_that_begins_anew_gives_no_rate_until_it_is_seen_to_move() -> None:
    assert followed((0, 0), (10, 100), (20, 5)) is None
    assert followed((0, 0), (10, 100), (20, 5), (30, 15)) == 1


def test_a_gpu_that_is_gone_is_forgotten() -> None:
    rates = Rates()
    gpu = Gpu(Identity(0, uuid="GPU-a"), up=True, values={SENT: 1.0})
    rates.follow(Snapshot(taken_at=0, gpus=(gpu,)))
    rates.follow(Snapshot(taken_at=1))
    assert rates.of("GPU-a") == {}
