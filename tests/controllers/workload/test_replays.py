"""A token is heard once, whatever the clocks say."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from controllers.relay.limits import USED_SECONDS
from controllers.workload.lock import Lock
from tests.controllers.workload.conftest import CLUSTER_ID, HUB_KEY
from tests.controllers.workload.sealing import STATE, sealed, send, told


class Now:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = time.time()

    def __call__(self) -> float:
        return self.at


def lock(now: Now) -> Lock:
    return Lock(lambda _: (CLUSTER_ID, {HUB_KEY.kid: HUB_KEY.public}), now)


@pytest.mark.parametrize(("at", "status"), [(-170, None), (-190, 401), (110, None), (130, 401)])
def test_clocks_may_differ_by_two_minutes_from_the_first_second(
    at: float, status: int | None
) -> None:
    kept = lock(Now())
    answer = kept.refusal(STATE, f"Bearer {sealed(kept.life, at=at)}")
    assert (answer and answer.status) == status


@pytest.mark.parametrize("at", [-110, 0, 110])
def test_what_one_process_has_heard_no_other_hears_however_wrong_the_clock(at: float) -> None:
    before, after = lock(Now()), lock(Now())
    token = f"Bearer {sealed(before.life, at=at)}"
    assert before.refusal(STATE, token) is None
    refused = after.refusal(STATE, token)
    assert refused is not None
    assert b"not for this process" in refused.body
    assert dict(after.refused) == {"life": 1}


@pytest.mark.slow
def test_a_manager_that_is_started_again_has_another_life(
    launch: Callable[..., Any], eventually: Callable[..., None]
) -> None:
    first, second = launch(), launch()
    for one in (first, second):
        eventually("it serves", lambda one=one: one.readiness()[0])
    token = sealed(first.life)
    assert send(first, STATE, token).status_code != 401
    assert "not for this process" in told(second, token)
    assert first.life == first.life != second.life


def test_used_tokens_are_remembered_for_as_long_as_they_could_be_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = Now()
    kept = lock(now)
    monkeypatch.setattr("controllers.workload.lock.MOST_USED", 2)
    first = f"Bearer {sealed(kept.life)}"
    assert kept.refusal(STATE, first) is None
    now.at += USED_SECONDS - 1
    assert kept.refusal(STATE, first) is not None
    assert kept.refusal(STATE, f"Bearer {sealed(kept.life)}") is None
    assert kept.refusal(STATE, f"Bearer {sealed(kept.life)}") is not None, (
        "no room, and none is forgotten"
    )
    now.at += 2
    assert kept.refusal(STATE, f"Bearer {sealed(kept.life)}") is None
    assert dict(kept.refused) == {"replayed": 1, "full": 1}
