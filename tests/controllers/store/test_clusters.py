import threading

import pytest
from redis import Redis

from controllers.domain.cluster import Cluster
from controllers.domain.errors import Conflict, NotFound
from controllers.store.clusters import Clusters


def test_a_cluster_is_found_by_id_and_by_name(redis: Redis) -> None:
    east = Cluster("1", "east", 5.0)
    Clusters(redis).add(east)
    assert Clusters(redis).get("1") == Clusters(redis).by_name("east") == east


def test_clusters_are_listed_by_name(redis: Redis) -> None:
    for number, name in enumerate(("west", "east")):
        Clusters(redis).add(Cluster(str(number), name, 0))
    assert [cluster.name for cluster in Clusters(redis).all()] == ["east", "west"]


def test_of_many_that_take_one_name_at_once_one_gets_it(redis: Redis) -> None:
    taken: list[str] = []

    def add(number: int) -> None:
        try:
            Clusters(redis).add(Cluster(str(number), "east", 0))
        except Conflict:
            taken.append(str(number))

    threads = [threading.Thread(target=add, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(taken) == 7
    assert len(Clusters(redis).all()) == 1


def test_a_removed_cluster_frees_its_name(redis: Redis) -> None:
    clusters = Clusters(redis)
    clusters.add(Cluster("1", "east", 0))
    clusters.remove("1")
    clusters.add(Cluster("2", "east", 0))
    with pytest.raises(NotFound):
        clusters.remove("1")
    with pytest.raises(NotFound):
        clusters.get("1")
    assert [(c.id, c.removed_at is not None) for c in clusters.removed()] == [("1", True)]
    with pytest.raises(NotFound):
        clusters.by_name("west")


def test_one_that_is_added_again_because_the_answer_was_lost_is_no_other(redis: Redis) -> None:
    one = Cluster("c1", "one", 1.0)
    for _ in range(2):
        Clusters(redis).add(one)
    assert Clusters(redis).all() == [one]


def test_who_changes_one_field_undoes_no_other(redis: Redis) -> None:
    clusters = Clusters(redis)
    clusters.add(Cluster("1", "east", 5.0))
    clusters.change("1", description="cellar")
    clusters.change("1", labels={"region": "eu"})
    assert clusters.get("1") == Cluster("1", "east", 5.0, "cellar", labels={"region": "eu"})
    with pytest.raises(NotFound):
        clusters.change("2", description="attic")
