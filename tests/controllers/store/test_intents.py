from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from controllers.domain.errors import Conflict, NotFound
from controllers.domain.workload import Intent, WorkloadSpec
from controllers.store.intents import Intents

SPEC = WorkloadSpec("train", "vision", "vision", "a", 1, 2, annotations={"k": "v"})


@pytest.fixture
def intents(redis: Redis) -> Intents:
    return Intents(redis)


def test_an_intent_is_read_back_whole(intents: Intents) -> None:
    intent = Intent("i1", SPEC, "amara", 10.0)
    intents.add(intent)
    assert intents.get("i1") == intent


def test_an_id_is_used_once(intents: Intents) -> None:
    intents.add(Intent("i1", SPEC, "amara", 10.0))
    with pytest.raises(Conflict, match="i1 exists"):
        intents.add(Intent("i1", SPEC, "bjorn", 11.0))
    assert intents.get("i1").user == "amara"


def test_an_unknown_id_is_not_found(intents: Intents) -> None:
    with pytest.raises(NotFound, match="no workload i9"):
        intents.get("i9")
    with pytest.raises(NotFound):
        intents.change("i9", cluster="c1")


def test_all_are_listed_in_the_order_of_submission(intents: Intents) -> None:
    for name, at in (("i2", 20.0), ("i1", 10.0), ("i0", 20.0)):
        intents.add(Intent(name, SPEC, "amara", at))
    assert [intent.id for intent in intents.all()] == ["i1", "i0", "i2"]


def test_concurrent_changes_of_different_fields_lose_nothing(
    intents: Intents,
) -> None:
    for n in range(30):
        intents.add(Intent(f"i{n}", SPEC, "amara", 10.0))

    def change(task: tuple[int, str, object]) -> None:
        number, field, value = task
        intents.change(f"i{number}", **{field: value})

    tasks: list[tuple[int, str, object]] = []
    for n in range(30):
        tasks += [(n, "cluster", "c1"), (n, "stop_requested_at", 12.0), (n, "accepted_at", 11.0)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(change, tasks))
    for intent in intents.all():
        assert (intent.cluster, intent.stop_requested_at, intent.accepted_at) == ("c1", 12.0, 11.0)


def test_an_unknown_field_is_refused(intents: Intents) -> None:
    intents.add(Intent("i1", SPEC, "amara", 10.0))
    with pytest.raises(TypeError):
        intents.change("i1", colour="red")


def test_every_change_moves_the_version(intents: Intents) -> None:
    seen = [intents.version()]
    intents.add(Intent("i1", SPEC, "amara", 10.0))
    seen.append(intents.version())
    intents.change("i1", cluster="c1")
    seen.append(intents.version())
    intents.remove("i1")
    seen.append(intents.version())
    assert seen == sorted(set(seen))
    assert intents.version() == seen[-1]


def test_one_that_somebody_changed_since_it_was_read_stays_as_it_is(intents: Intents) -> None:
    read = Intent("i1", SPEC, "amara", 10.0)
    intents.add(read)
    assert intents.change_as_read(read, cluster="c1") == intents.get("i1")
    assert intents.change_as_read(read, cluster="c2") is None
    assert intents.get("i1").cluster == "c1"
    intents.remove("i1")
    assert intents.change_as_read(read, cluster="c2") is None


def test_one_that_is_added_again_because_the_answer_was_lost_is_no_other(intents: Intents) -> None:
    intent = Intent("i1", SPEC, "amara", 10.0)
    for _ in range(2):
        intents.add(intent)
    given = intents.change("i1", cluster="c1")
    intents.add(intent)
    assert intents.all() == [given]
