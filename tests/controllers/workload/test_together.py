"""What two callers ask of a manager at the same time."""

import threading
from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest

from controllers.domain.errors import NotFound, Refused
from controllers.domain.policy import Policy
from controllers.domain.workload import Intent, WorkloadSpec
from controllers.workload import seen
from controllers.workload.cache import Cache
from controllers.workload.intents import Intents
from controllers.workload.policy_file import KEY, PolicyFile
from tests.controllers.workload.scenes import OWNED, POLICY, job, node

INTENT = Intent("i1", WorkloadSpec("train", "vision", "vision", "h200", 1, 1), "amara", 10.0)


class ApiJobs:
    """Makes and deletes Jobs as the API server would; ``meanwhile`` happens while it makes one."""

    def __init__(self, cache: Cache, meanwhile: Callable[[], None]) -> None:
        self.deleted: list[str] = []
        self._cache, self._meanwhile = cache, meanwhile

    def create(self, manifest: dict[str, Any]) -> None:
        self._meanwhile()
        self._cache.jobs.put("u1", 1, job("train", marks=OWNED | {"intent": "i1"}))

    def delete(self, found: seen.Job) -> None:
        self.deleted.append(found.marks["intent"])


def desk(meanwhile: Callable[[Intents], None]) -> tuple[Intents, ApiJobs]:
    cache = Cache(lambda: None)
    cache.nodes.put("n", 1, node("gpu-1", labels={}))
    cache.namespaces.put("v", 1, seen.Namespace("vision", managed=True))
    policy = PolicyFile(cast(Any, None), "neurox-system", dry_run=True)
    policy.store(POLICY)
    jobs = ApiJobs(cache, lambda: meanwhile(intents))
    intents = Intents(cache, policy, cast(Any, jobs))
    return intents, jobs


def stopped(intents: Intents) -> None:
    with pytest.raises(NotFound, match="i1"):
        intents.stop("i1")


def test_a_workload_that_is_stopped_while_it_is_made_is_deleted() -> None:
    intents, jobs = desk(stopped)
    intents.submit(INTENT)
    assert jobs.deleted == ["i1"]


def test_an_order_that_comes_after_its_stop_makes_nothing() -> None:
    intents, _ = desk(lambda _: pytest.fail("it was made"))
    stopped(intents)
    with pytest.raises(Refused, match="stopped before it came"):
        intents.submit(INTENT)


def test_one_that_nobody_stops_stays() -> None:
    intents, jobs = desk(lambda _: None)
    assert intents.submit(INTENT)
    assert not intents.submit(INTENT)
    assert jobs.deleted == []


def test_of_two_policies_at_once_the_one_that_is_kept_is_in_force() -> None:
    kept: list[str] = []
    one, two = (Policy(name, POLICY.pools, POLICY.projects) for name in ("r1", "r2"))
    second = threading.Thread(target=lambda: file.store(two))

    class Api:
        def send(self, _method: str, _path: str, body: Any, _kind: str) -> None:
            kept.append(msgspec.json.decode(body["data"][KEY], type=Policy).revision)
            if kept == ["r1"]:
                second.start()
                second.join(0.5)  # as long as it would take, did it not have to wait for us

    file = PolicyFile(cast(Any, Api()), "neurox-system")
    file.store(one)
    second.join(10)
    assert file.current.revision == kept[-1] == "r2"
