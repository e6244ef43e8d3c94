import time
from dataclasses import replace

import pytest

from controllers.domain.policy import NodePool, Policy, Quota
from controllers.scheduling.decide import RELEASES, decide
from controllers.scheduling.snapshot import Queued, Room, Snapshot, Started

NOW = 1_000_000.0


def rooms(*free: int, gpus: int = 8, usable: bool = True) -> tuple[Room, ...]:
    return tuple(
        Room(node=f"gpu-{i}", pool="h200", gpus=gpus, free=f, usable=usable)
        for i, f in enumerate(free)
    )


def waits(name: str, pods: int = 1, gpus: int = 1, **more: object) -> Queued:
    fields = {"user": "ada", "group": "vision", "pool": "h200", "level": 1, "submitted_at": 0.0}
    return Queued(id=name, pods=pods, gpus_per_pod=gpus, **(fields | more))  # type: ignore[arg-type]


def runs(name: str, gpus: int, **more: object) -> Started:
    fields = {"user": "ada", "group": "vision", "pool": "h200", "level": 1, "started_at": 0.0}
    return Started(id=name, gpus=gpus, **(fields | more))  # type: ignore[arg-type]


def policy(**quotas: int) -> Policy:
    return Policy(
        revision="1",
        pools=(NodePool("h200"),),
        quotas=tuple(Quota("h200", group, gpus) for group, gpus in quotas.items()),
    )


def released(snapshot: Snapshot, rules: Policy) -> list[str]:
    return [action.workload for action in decide(snapshot, rules, NOW).actions]


def reason(snapshot: Snapshot, rules: Policy, name: str) -> tuple[str, str]:
    why = decide(snapshot, rules, NOW).reasons[name]
    return why.code, why.message


def test_a_gang_within_quota_starts_on_as_few_nodes_as_possible() -> None:
    snapshot = Snapshot(rooms(2, 8, 4), (waits("job", pods=4),))
    decision = decide(snapshot, policy(vision=8), NOW)
    assert [(a.workload, a.placement) for a in decision.actions] == [("job", {"gpu-2": 4})]
    assert decision.reasons == {}
    assert decision.in_quota == {"job"}


def test_a_small_job_takes_the_node_that_it_leaves_fullest() -> None:
    decision = decide(Snapshot(rooms(8, 3, 5), (waits("job", gpus=2),)), policy(vision=8), NOW)
    assert decision.actions[0].placement == {"gpu-1": 1}


def test_a_gang_starts_whole_or_not_at_all() -> None:
    snapshot = Snapshot(rooms(4, 4, 3), (waits("gang", pods=3, gpus=4),))
    code, message = reason(snapshot, policy(vision=24), "gang")
    assert released(snapshot, policy(vision=24)) == []
    assert code == "POOL_FULL"
    assert "3 times 4 GPUs on one node" in message


def test_unguaranteed_gpus_are_lent_and_guaranteed_ones_never() -> None:
    snapshot = Snapshot(rooms(8), tuple(waits(f"job-{i}", submitted_at=i) for i in range(8)))
    assert len(released(snapshot, policy(vision=1, speech=3))) == 5
    code, message = reason(snapshot, policy(vision=1, speech=3), "job-7")
    assert code == "QUOTA_FULL"
    assert "uses 5 of its 1" in message
    assert "3 free, 3 kept" in message


def test_a_group_without_quota_only_borrows_and_is_told_so() -> None:
    snapshot = Snapshot(rooms(8), (waits("job", gpus=6, group="guests"),))
    code, message = reason(snapshot, policy(vision=4), "job")
    assert code == "BORROW_FULL"
    assert "starts when 2 GPUs more can be borrowed" in message


def test_entitled_work_goes_before_borrowers_of_a_higher_level() -> None:
    queued = (
        waits("borrower", gpus=8, group="guests", level=3, submitted_at=0),
        waits("entitled", gpus=8, group="vision", level=0, submitted_at=9),
    )
    assert released(Snapshot(rooms(8), queued), policy(vision=8)) == ["entitled"]


def test_levels_go_first_then_users_who_hold_less_then_who_came_first() -> None:
    queued = (
        waits("ada-1", submitted_at=1),
        waits("ada-2", submitted_at=2),
        waits("bob-1", user="bob", submitted_at=3),
        waits("high", level=2, user="eve", submitted_at=4),
    )
    assert released(Snapshot(rooms(8), queued), policy(vision=8)) == [
        "high",
        "ada-1",
        "bob-1",
        "ada-2",
    ]


def test_free_gpus_that_are_scattered_are_called_fragmented() -> None:
    snapshot = Snapshot(rooms(4, 3, 3), (waits("job", gpus=8),))
    code, message = reason(snapshot, policy(vision=24), "job")
    assert code == "FRAGMENTED"
    assert "10 GPUs free, but at most 4 on one node" in message
    assert "4 GPUs more fall free on one node" in message


def test_what_never_fits_is_infeasible() -> None:
    code, message = reason(Snapshot(rooms(8), (waits("job", gpus=16),)), policy(vision=8), "job")
    assert code == "INFEASIBLE"
    assert "largest node has 8 GPUs" in message


def test_a_pool_without_nodes_says_so() -> None:
    code, message = reason(Snapshot((), (waits("job"),)), policy(vision=8), "job")
    assert code == "INFEASIBLE"
    assert "has no GPU nodes" in message


def test_nodes_that_are_down_take_no_work_and_are_named_as_the_reason() -> None:
    down = replace(rooms(8)[0], node="gpu-9", usable=False)
    snapshot = Snapshot((*rooms(4), down), (waits("job", pods=2, gpus=8),))
    code, message = reason(snapshot, policy(vision=16), "job")
    assert code == "POOL_DEGRADED"
    assert "1 node of pool h200 can take no work" in message


def test_a_quota_beyond_what_is_ready_is_called_degraded() -> None:
    taken = runs("other", 8, group="speech")
    snapshot = Snapshot(rooms(0), (waits("job"),), (taken,))
    assert reason(snapshot, policy(vision=8, speech=8), "job")[0] == "POOL_DEGRADED"


def test_a_failed_start_is_not_tried_again_too_early() -> None:
    tried = waits("job", not_before=NOW + 60, cause="the API server refused it")
    code, message = reason(Snapshot(rooms(8), (tried,)), policy(vision=8), "job")
    assert code == "BACKOFF"
    assert "the API server refused it" in message
    later = decide(Snapshot(rooms(8), (tried,)), policy(vision=8), NOW + 60)
    assert [a.workload for a in later.actions] == ["job"]


def test_own_work_of_a_lower_level_does_not_take_away_the_entitlement_to_go_first() -> None:
    queued = (
        waits("guest", gpus=4, group="guests", level=3),
        waits("high", gpus=4, level=2, submitted_at=5),
    )
    snapshot = Snapshot(rooms(4, 0), queued, (runs("low", 8, level=0),))
    assert released(snapshot, policy(vision=8)) == ["high"]


def test_one_decision_starts_a_bounded_number() -> None:
    many = tuple(waits(f"job-{i}") for i in range(RELEASES + 1))
    decision = decide(Snapshot(rooms(*[8] * 100), many), policy(vision=800), NOW)
    assert len(decision.actions) == RELEASES
    assert [why.code for why in decision.reasons.values()] == ["NEXT_PASS"]


@pytest.mark.parametrize("free", [0, 1, 8])
def test_ten_thousand_waiting_on_a_thousand_nodes_are_decided_in_well_under_a_second(
    free: int,
) -> None:
    shapes = [(1, 1), (1, 2), (1, 4), (1, 8), (2, 8), (4, 8)]
    queued = tuple(
        waits(
            f"job-{i}",
            *shapes[i % 6],
            group=f"group-{i % 50}",
            user=f"user-{i % 400}",
            level=i % 3,
            submitted_at=float(i * 7919 % 10_007),
        )
        for i in range(10_000)
    )
    snapshot = Snapshot(rooms(*[free] * 1000), queued)
    rules = policy(**{f"group-{i}": 128 for i in range(50)})
    begun = time.process_time()
    decision = decide(snapshot, rules, NOW)
    assert time.process_time() - begun < 1.0
    assert len(decision.actions) + len(decision.reasons) == 10_000


def test_one_group_with_thousands_of_running_workloads_is_decided_as_fast() -> None:
    started = tuple(runs(f"run-{i}", 1, level=i % 3, started_at=float(i)) for i in range(7000))
    queued = tuple(waits(f"job-{i}", level=i % 3) for i in range(10_000))
    snapshot = Snapshot(rooms(*[1] * 1000), queued, started)
    begun = time.process_time()
    decision = decide(snapshot, policy(vision=4000), NOW)
    assert time.process_time() - begun < 2.0
    assert len(decision.actions) == RELEASES
