"""Which pool a node belongs to."""

from collections.abc import Iterable, Mapping

from controllers.domain.policy import NodePool


def pool_of(labels: Mapping[str, str], pools: Iterable[NodePool]) -> str | None:
    """The pool whose every label the node has; of several the lowest name, so never two."""
    names = (
        pool.name
        for pool in pools
        if all(labels.get(key) == value for key, value in pool.selector.items())
    )
    return min(names, default=None)
