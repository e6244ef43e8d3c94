from controllers.domain.policy import NodePool
from controllers.scheduling.pools import pool_of

POOLS = (NodePool("h200", {"gpu": "H200"}), NodePool("any"), NodePool("b", {"gpu": "B200"}))


def test_a_node_is_in_the_lowest_named_pool_whose_labels_it_has() -> None:
    assert pool_of({"gpu": "H200"}, POOLS) == "any"
    assert pool_of({"gpu": "B200"}, POOLS[::2]) == "b"


def test_a_node_that_matches_none_is_in_no_pool() -> None:
    assert pool_of({"gpu": "T4"}, POOLS[:1]) is None
