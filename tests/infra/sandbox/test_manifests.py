import pytest

from infra.local.sandbox import manifests


@pytest.mark.parametrize(("nodes", "first"), [(1, 1), (2, 1), (3, 2), (4, 2), (9, 5)])
def test_the_first_half_of_the_nodes_has_the_first_model(nodes: int, first: int) -> None:
    models = [manifests.model(index, nodes) for index in range(nodes)]
    assert models == [manifests.MODELS[0]] * first + [manifests.MODELS[1]] * (nodes - first)


def test_a_node_says_that_it_is_simulated_and_keeps_strangers_out() -> None:
    node = manifests.node(1, 4, 8)
    labels = node["metadata"]["labels"]
    assert node["metadata"]["name"] == "gpu-2"
    assert labels["neurox.io/simulated"] == "true"
    assert labels["nvidia.com/gpu.count"] == "8"
    assert node["spec"]["taints"][0]["effect"] == "NoSchedule"


def test_neurox_system_is_the_only_namespace_that_is_not_managed() -> None:
    managed = {
        entry["metadata"]["name"]
        for entry in manifests.namespaces()
        if entry["metadata"]["labels"].get("neurox.io/managed") == "true"
    }
    assert managed == {"neurox-work", "vision", "speech", "language"}
    assert len(manifests.namespaces()) == 5
