"""Which Secrets outlive `helm uninstall`: those that kept data is worth nothing without."""

from typing import Any

import pytest

ONE_CLUSTER = {"workload": {"enabled": True}}


def secrets(objects: list[dict[str, Any]]) -> dict[str, str | None]:
    """What Helm is told of each when it uninstalls; no name is rendered twice."""
    found = [each["metadata"] for each in objects if each["kind"] == "Secret"]
    names = [each["name"] for each in found]
    assert len(names) == len(set(names))
    return {x["name"]: x.get("annotations", {}).get("helm.sh/resource-policy") for x in found}


@pytest.mark.parametrize(("keep", "told"), [(True, "keep"), (False, None)])
def test_secrets_stay_as_long_as_the_data(render: Any, keep: bool, told: str | None) -> None:
    ours = {f"neurox-{name}" for name in ("redis", "relay-server", "admin", "edge", "hub-key")}
    assert secrets(render("neurox", {"keepData": keep})) == dict.fromkeys(ours, told)
    joined = ours | {"neurox-join", "neurox-relay-key", "neurox-hub-keys"}
    values = {"keepData": keep, **ONE_CLUSTER}
    # Made anew by the relay-client, whenever it is gone.
    passing = {"neurox-write-token": None}
    assert secrets(render("neurox", values)) == dict.fromkeys(joined, told) | passing


def test_a_workload_cluster_keeps_nothing(render: Any) -> None:
    assert secrets(render("neurox-workload", {})) == {
        "neurox-relay-key": None,
        "neurox-hub-keys": None,
        "neurox-write-token": None,
    }
