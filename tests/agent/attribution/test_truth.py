"""The scenario states what each process truly did; the agent must find that, and lose nothing."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.catalogue import BUSY_SECONDS, ENERGY, MEMORY_USED, Series
from agent.consumption import (
    ENDED_BUSY,
    ENDED_ENERGY,
    POD_BUSY,
    POD_ENERGY,
    POD_MEMORY,
    POD_SM,
    UNATTRIBUTED_BUSY,
    UNATTRIBUTED_ENERGY,
    UNATTRIBUTED_MEMORY,
)
from agent.pods import Pod
from agent.snapshot import Snapshot
from tests.agent.attribution.cards import (
    HOST,
    MIB,
    MPS,
    Card,
    Work,
    cards,
    cut_cards,
)
from tests.agent.attribution.scene import Put, Scene
from tests.agent.attribution.truth import truth

ENDED: Pod = ("", "ended")
IDLE_PASSES, WARM_PASSES, PASSES = 4, 12, 20


TRAIN, SERVE = ("vision", "train"), ("vision", "serve")
CUT = Card(
    "GPU-5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b",
    given=(TRAIN, SERVE),
    works=(Work(2001, TRAIN, MIB, 0.3, "gi 1"), Work(2002, SERVE, MIB, 0.1, "gi 2")),
    gis=(1, 2),
)

"""A GPU that is cut."""
WORKS = (Work(1, TRAIN, 300 * MIB, 0.1), Work(2, SERVE, 100 * MIB, 0.5))


def _micro(value: float) -> int:
    return round(value * 1e6)


def parts(shot: Snapshot, uuid: str) -> dict[str, Counter[Pod]]:
    """Memory in bytes, busy time and energy in micro-units, by pod; HOST is the unattributed."""
    found: dict[str, Counter[Pod]] = {name: Counter() for name in ("memory", "busy", "energy")}
    for use in shot.usage.pods:
        if use.uuid == uuid:
            pod = (use.namespace, use.pod)
            found["memory"][pod] = int(use.values[POD_MEMORY])
            if POD_BUSY in use.values:
                found["busy"][pod] = _micro(use.values[POD_BUSY])
            joules = (use.values.get(series, 0.0) for series in POD_ENERGY.values())
            found["energy"][pod] = sum(map(_micro, joules))
    rest = shot.usage.gpus[uuid]
    found["memory"][HOST] = int(rest[UNATTRIBUTED_MEMORY])
    if UNATTRIBUTED_BUSY in rest:
        found["busy"][HOST] = _micro(rest[UNATTRIBUTED_BUSY])
        found["busy"][ENDED] = _micro(rest[ENDED_BUSY])
    found["energy"][HOST] = _micro(rest[UNATTRIBUTED_ENERGY])
    found["energy"][ENDED] = _micro(rest[ENDED_ENERGY])
    return found


def check_sums(shot: Snapshot) -> None:
    """Pods, those that ended and the unattributed are exactly what the device says."""
    for gpu in shot.gpus:
        found = parts(shot, gpu.identity.uuid)
        assert found["memory"].total() == gpu.values[MEMORY_USED]
        if (
            BUSY_SECONDS in gpu.values
        ):  # neither told under MIG before Hopper, nor of its first pass
            assert found["busy"].total() == _micro(gpu.values[BUSY_SECONDS])
        assert found["energy"].total() == _micro(gpu.values[ENERGY])


def check_methods(shot: Snapshot) -> None:
    """Each is one by which something was told apart; of a GPU cut on Hopper, not its slices."""
    for use in shot.usage.pods:
        joules = {method: use.values.get(series) for method, series in POD_ENERGY.items()}
        assert 0 not in joules.values(), joules


def check_order(shots: list[Snapshot], index: int) -> None:
    """No counter goes back, also where it was not told for a while."""
    for name, series in (("busy", BUSY_SECONDS), ("energy", ENERGY)):
        told = [shot for shot in shots if series in shot.gpus[index].values]
        found = [parts(shot, shot.gpus[index].identity.uuid)[name] for shot in told]
        for old, new in itertools.pairwise(found):
            gone = old.keys() - new.keys()
            assert all(new[pod] >= old[pod] for pod in old.keys() - gone), name
            assert new[ENDED] - old[ENDED] == sum(old[pod] for pod in gone)


def check_truth(card: Card, shots: list[Snapshot]) -> None:
    """Over all of these snapshots, in which nothing changed."""
    true, old, new = truth(card), parts(shots[0], card.uuid), parts(shots[-1], card.uuid)
    everyone = {*true.memory, *true.energy, *new["memory"], *new["energy"]}
    for pod in everyone:
        assert new["memory"][pod] == true.memory[pod]
    for name, share in (("busy", true.busy), ("energy", true.energy)):
        if share is None:
            assert not new[name], "no driver tells it"
            continue
        for pod in everyone:
            found = (new[name][pod] - old[name][pod]) / 1e6 / (len(shots) - 1)
            assert found == pytest.approx(share[pod], abs=0.01 * share.total()), (name, pod)
    check_ratios(card, shots[1:])
    for series in {series for method, series in POD_ENERGY.items() if method != true.method}:
        assert joules(shots[0], card, series) == joules(shots[-1], card, series), series


def check_ratios(card: Card, shots: list[Snapshot]) -> None:
    """Each pod's share of the time, by each snapshot."""
    busy = truth(card).busy
    for pod in {*card.given, *(work.pod for work in card.works)} - {HOST}:
        told = [
            use.values.get(POD_SM)
            for shot in shots
            for use in shot.usage.pods
            if use.uuid == card.uuid and (use.namespace, use.pod) == pod
        ]
        assert len(told) == len(shots)
        for ratio in told:
            assert ratio == (None if busy is None else pytest.approx(busy[pod], abs=0.01)), pod


def joules(shot: Snapshot, card: Card, series: Series) -> float:
    """Of all its pods, by one method."""
    return sum(use.values.get(series, 0) for use in shot.usage.pods if use.uuid == card.uuid)


def run(put: Put, folder: Path, stages: list[list[Card]]) -> Iterator[Snapshot]:
    """Each stage does nothing for a while, then works."""
    scene = Scene(put, stages[0], folder)
    try:
        for cards in stages:
            scene.change(cards)
            yield from scene.passes(IDLE_PASSES, loaded=False)
            yield from scene.passes(WARM_PASSES + PASSES, loaded=True)
    finally:
        scene.close()


def check(shots: list[Snapshot]) -> None:
    for shot in shots:
        check_sums(shot)
        check_methods(shot)
    for index in range(len(shots[0].gpus)):
        check_order(shots, index)


anything = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@anything
@example(cards=[Card(CUT.uuid, (TRAIN,), (Work(1, TRAIN, MIB, 0.5),), other=0.2)])
@example(cards=[Card(CUT.uuid, (TRAIN, SERVE), WORKS, other=0.2, named="claim")])
@example(cards=[Card(CUT.uuid, (TRAIN,), tuple(replace(one, how=MPS) for one in WORKS))])
@example(cards=[CUT])
@example(cards=[replace(CUT, profile="a100")])
@given(cards=st.one_of(cards(), cut_cards()))
def test_each_pod_has_its_true_share(scenario: Put, tmp_path: Path, cards: list[Card]) -> None:
    shots = list(run(scenario, tmp_path / cards[0].uuid, [cards]))
    check(shots)
    for card in cards:
        check_truth(card, shots[-1 - PASSES :])


def test_a_gpu_is_cut_and_made_whole_again_while_it_works(scenario: Put, tmp_path: Path) -> None:
    """It had been busy for long; its counters and those of its pods go on in both directions."""
    whole = Card(CUT.uuid, (TRAIN,), (Work(1001, TRAIN, MIB, 0.9),))
    shots = list(run(scenario, tmp_path / "node", [[whole], [CUT], [whole]]))
    check(shots)
    stage = len(shots) // 3
    for card, end in zip((whole, CUT, whole), range(stage, 4 * stage, stage), strict=False):
        steady = shots[end - 1 - PASSES : end]
        check_truth(card, steady)
        first, *_, last = (shot.gpus[0].values[BUSY_SECONDS] for shot in steady)
        grown = last - first
        assert grown == pytest.approx(PASSES * card.busy, rel=0.01)


def test_an_hour_in_which_nothing_was_read_adds_no_busy_time(scenario: Put, tmp_path: Path) -> None:
    scene = Scene(scenario, [CUT], tmp_path / "node")
    try:
        *_, before = scene.passes(PASSES, loaded=True)
        [after] = scene.passes(1, loaded=True, apart=3600)
        [later] = scene.passes(1, loaded=True)
    finally:
        scene.close()
    check([before, later])  # nothing is told of the hour itself
    assert BUSY_SECONDS not in after.gpus[0].values
    grown = later.gpus[0].values[BUSY_SECONDS] - before.gpus[0].values[BUSY_SECONDS]
    assert grown == pytest.approx(CUT.busy, rel=0.01)


@settings(anything, max_examples=10)
@given(stages=st.lists(st.one_of(cards(), cut_cards(("h100",))), min_size=2, max_size=3))
def test_nothing_is_lost_as_pods_come_and_go(
    scenario: Put, tmp_path: Path, stages: list[list[Card]]
) -> None:
    """Also where a GPU is cut meanwhile."""
    count = min(len(cards) for cards in stages)
    same = [
        [replace(card, uuid=one.uuid) for card, one in zip(cards, stages[0], strict=False)][:count]
        for cards in stages
    ]
    shots = list(run(scenario, tmp_path / stages[0][0].uuid, same))
    check(shots)
    for card in same[-1]:
        assert parts(shots[-1], card.uuid)["memory"] == truth(card).memory
