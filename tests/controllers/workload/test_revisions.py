import threading
import time
from dataclasses import replace

from controllers.domain.cluster import Node
from controllers.workload import revisions
from controllers.workload.revisions import Report, RevisionLog

GPU_1 = Node("gpu-1", ready=True, cordoned=False, gpus=8, allocated=0)


def report(*nodes: Node, policy: str | None = None) -> Report:
    return Report({node.name: node for node in nodes}, {}, ("vision",), policy)


def test_who_knows_nothing_or_another_epoch_gets_everything() -> None:
    log = RevisionLog("v1", "v2")
    log.publish(report(GPU_1), 5.0)
    for epoch, since in ((None, 0), ("other", 1), (log.epoch, 0), (log.epoch, 99)):
        delta = log.delta(epoch, since, 0)
        assert delta.full
        assert delta.nodes == {"gpu-1": GPU_1}
        assert (delta.observed_at, delta.namespaces) == (5.0, ("vision",))


def test_a_delta_has_what_changed_and_marks_what_is_gone() -> None:
    log = RevisionLog("v1", "v2")
    gpu_2, gpu_3 = replace(GPU_1, name="gpu-2"), replace(GPU_1, name="gpu-3")
    log.publish(report(GPU_1, gpu_2, gpu_3), 1.0)
    busy = replace(gpu_2, allocated=8)
    assert log.publish(report(busy, gpu_3), 2.0) == 2
    delta = log.delta(log.epoch, 1, 0)
    assert not delta.full
    assert delta.nodes == {"gpu-1": None, "gpu-2": busy}
    assert log.delta(None, 0, 0).nodes == {"gpu-2": busy, "gpu-3": gpu_3}


def test_the_same_again_is_no_news_but_a_new_policy_is() -> None:
    log = RevisionLog("v1", "v2")
    log.publish(report(GPU_1), 1.0)
    assert log.publish(report(GPU_1), 2.0) == 0
    assert log.delta(log.epoch, 1, 0).revision == 1
    log.publish(report(GPU_1, policy="r2"), 3.0)
    delta = log.delta(log.epoch, 1, 0)
    assert (delta.revision, delta.policy_revision, delta.nodes) == (2, "r2", {})


def test_waiting_ends_with_news_or_with_time() -> None:
    log = RevisionLog("v1", "v2")
    log.publish(report(GPU_1), 1.0)
    begun = time.monotonic()
    assert log.delta(log.epoch, 1, 0.05).nodes == {}
    assert time.monotonic() - begun >= 0.05
    waiter = threading.Thread(target=log.delta, args=(log.epoch, 1, 60))
    waiter.start()
    log.publish(report(), 2.0)
    waiter.join(5)
    assert not waiter.is_alive()


def test_who_asks_for_news_older_than_the_tombstones_gets_everything(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(revisions, "TOMBSTONES", 1)
    log = RevisionLog("v1", "v2")
    log.publish(report(*(replace(GPU_1, name=f"gpu-{i}") for i in range(3))), 1.0)
    log.publish(report(), 2.0)
    assert log.delta(log.epoch, 1, 0).full
    log.publish(report(GPU_1), 3.0)
    assert not log.delta(log.epoch, 2, 0).full


def test_what_went_and_came_back_is_there() -> None:
    log = RevisionLog("v1", "v2")
    for nodes in ((GPU_1,), (), (GPU_1,)):
        log.publish(report(*nodes), 1.0)
    assert log.delta(log.epoch, 2, 0).nodes == {"gpu-1": GPU_1}
    assert log.delta(log.epoch, 1, 0).nodes == {"gpu-1": GPU_1}
