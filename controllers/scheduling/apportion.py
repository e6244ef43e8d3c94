"""Splitting what a pool guarantees over the clusters that hold its GPUs."""

from collections.abc import Mapping


def largest_remainder(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """``total`` split in proportion to ``weights``; whole numbers that add up to it exactly.

    Ties go to the first name. With no weight at all there is nobody to give to: all get 0.
    """
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    parts = {name: total * weight // whole for name, weight in weights.items()}
    order = sorted(weights, key=lambda name: (-(total * weights[name] % whole), name))
    for name in order[: total - sum(parts.values())]:
        parts[name] += 1
    return parts


def apportion(quotas: Mapping[str, int], capacity: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """One pool's quotas (GPUs by group) split over clusters (GPUs of the pool by cluster).

    The answer is GPUs by cluster, then group. Each group's parts add up to its quota; where the
    quotas together do not exceed the pool, no cluster guarantees more than it has.
    """
    left = dict(capacity)
    shares: dict[str, dict[str, int]] = {cluster: {} for cluster in capacity}
    for group in sorted(quotas, key=lambda g: (-quotas[g], g)):
        enough = sum(left.values()) >= quotas[group]
        parts = largest_remainder(quotas[group], left if enough else capacity)
        for cluster, gpus in parts.items():
            shares[cluster][group] = gpus
            left[cluster] = max(0, left[cluster] - gpus)
    return shares
