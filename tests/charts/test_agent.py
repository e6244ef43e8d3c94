"""How the agent gets at the driver, by value."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("driver", "runtime", "library"),
    [
        ("runtimeClass", "nvidia", None),
        ("cdi", None, None),
        ("hostPath", None, "/usr/local/nvidia/lib64"),
    ],
)
def test_the_driver_comes_by_the_way_that_was_chosen(
    render: Any, driver: str, runtime: str | None, library: str | None
) -> None:
    spec = agent(render, {"driver": driver})
    env = {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}
    assert spec.get("runtimeClassName") == runtime
    assert env.get("LD_LIBRARY_PATH") == library
    assert env.get("NVIDIA_VISIBLE_DEVICES") == (None if library else "all")
    paths = {volume["hostPath"]["path"] for volume in spec["volumes"]}
    assert ("/home/kubernetes/bin/nvidia" in paths) is bool(library)


def test_a_simulated_agent_asks_for_no_driver(render: Any) -> None:
    spec = agent(render, {"simulated": True, "driver": "hostPath"})
    assert spec["containers"][0]["image"].startswith("ghcr.io/neurox/agent-simulated:")
    assert "runtimeClassName" not in spec
    paths = {volume["hostPath"]["path"] for volume in spec["volumes"]}
    assert "/home/kubernetes/bin/nvidia" not in paths


def agent(render: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The pod spec of the DaemonSet."""
    objects = render("neurox-workload", {"agent": values})
    (found,) = (each for each in objects if each["kind"] == "DaemonSet")
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    return spec
