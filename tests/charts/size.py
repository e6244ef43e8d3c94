"""What rendered objects ask of a cluster: cores, bytes of memory, bytes of disk."""

import re
from typing import Any

UNITS = {"m": 1e-3, "": 1, "Mi": 2**20, "Gi": 2**30}


def quantity(text: str) -> float:
    """A Kubernetes quantity as a number."""
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text)).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def asked(objects: list[dict[str, Any]], what: str, kinds: tuple[str, ...]) -> float:
    """The sum of requests of running containers over replicas: cores or bytes."""
    total = 0.0
    for each in objects:
        if each["kind"] in kinds:
            spec = each["spec"]
            containers = spec["template"]["spec"]["containers"]
            one = sum(quantity(c["resources"]["requests"][what]) for c in containers)
            total += one * spec.get("replicas", 1)
    return total


def disk(objects: list[dict[str, Any]]) -> float:
    """The sum of all volume claims."""
    claims = [c for each in objects for c in each.get("spec", {}).get("volumeClaimTemplates", [])]
    return sum(quantity(claim["spec"]["resources"]["requests"]["storage"]) for claim in claims)
