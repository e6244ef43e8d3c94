from hypothesis import given
from hypothesis import strategies as st

from controllers.scheduling.apportion import apportion, largest_remainder

CLUSTERS = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 500), min_size=1)


def test_a_quota_is_split_by_capacity_and_remainders_go_to_the_largest() -> None:
    assert largest_remainder(10, {"one": 8, "two": 16}) == {"one": 3, "two": 7}


def test_ties_go_to_the_first_name() -> None:
    assert largest_remainder(1, {"two": 4, "one": 4}) == {"two": 0, "one": 1}


def test_without_any_capacity_nobody_gets_a_share() -> None:
    assert apportion({"vision": 8}, {"one": 0}) == {"one": {"vision": 0}}


@given(CLUSTERS, st.lists(st.integers(0, 300), max_size=4))
def test_parts_add_up_to_each_quota_exactly(capacity: dict[str, int], sizes: list[int]) -> None:
    quotas = {f"group-{i}": size for i, size in enumerate(sizes)}
    shares = apportion(quotas, capacity)
    for group, gpus in quotas.items():
        expected = gpus if sum(capacity.values()) else 0
        assert sum(share[group] for share in shares.values()) == expected


@given(CLUSTERS, st.lists(st.integers(0, 300), max_size=4))
def test_no_cluster_guarantees_more_than_it_has_when_the_pool_does_not(
    capacity: dict[str, int], sizes: list[int]
) -> None:
    quotas = {f"group-{i}": size for i, size in enumerate(sizes)}
    if sum(sizes) <= sum(capacity.values()):
        shares = apportion(quotas, capacity)
        assert all(sum(shares[name].values()) <= capacity[name] for name in capacity)
