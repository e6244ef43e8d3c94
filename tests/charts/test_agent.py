"""How the agent gets at the driver, by value."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.simulated.node.model import MODELS
from agent.simulated.node.settings import CLUSTER_CA, GPUS_MAX, Settings

CHART = Path(__file__).parents[2] / "charts/neurox-workload"


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
    assert ("/home/kubernetes/bin/nvidia" in host_paths(spec)) is bool(library)


def test_a_simulated_agent_asks_for_no_driver(render: Any) -> None:
    spec = agent(render, {"simulated": True, "driver": "hostPath"})
    assert spec["containers"][0]["image"].startswith("ghcr.io/neurox/agent-simulated:")
    assert "runtimeClassName" not in spec
    assert "/home/kubernetes/bin/nvidia" not in host_paths(spec)


def test_a_simulated_node_is_made_before_its_agent_on_marked_nodes_alone(
    render: Any, tmp_path: Path
) -> None:
    spec = agent(render, {"simulated": True, "simulatedGpus": {"count": 2, "model": "Tesla-T4"}})
    (node,) = spec["initContainers"]
    assert node["restartPolicy"] == "Always"
    env = {each["name"]: each.get("value") for each in node["env"]}
    read = {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}
    assert env["NEUROX_NVML_SCENARIO"] == read["NEUROX_NVML_SCENARIO"]
    (tmp_path / "ca.crt").write_text("a CA")
    env |= {"NEUROX_AGENT_NODE": "a", "NEUROX_SIMULATED_CLUSTER_CA": str(tmp_path / "ca.crt")}
    assert Settings.from_env(env).model == MODELS["Tesla-T4"]
    assert CLUSTER_CA in {f"{each['mountPath']}/ca.crt" for each in node["volumeMounts"]}
    assert "/var/lib/kubelet/device-plugins" in host_paths(spec)
    assert spec["nodeSelector"] == {"neurox.io/simulated": "true"}


def test_a_real_agent_leaves_device_plugins_alone(render: Any) -> None:
    spec = agent(render, {})
    assert "initContainers" not in spec
    assert "/var/lib/kubelet/device-plugins" not in host_paths(spec)
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}


def test_every_simulated_model_can_be_chosen() -> None:
    schema = yaml.safe_load((CHART / "values.schema.yaml").read_text())
    gpus = schema["properties"]["agent"]["properties"]["simulatedGpus"]["properties"]
    assert gpus["model"]["enum"] == list(MODELS)
    assert gpus["count"]["maximum"] == GPUS_MAX


@pytest.mark.parametrize(
    ("values", "used", "made"),
    [
        ({}, "system-node-critical", []),
        ({"name": "theirs"}, "theirs", []),
        ({"name": "ours", "create": True}, "ours", ["ours"]),
        ({"name": ""}, None, []),
    ],
)
def test_its_priority_class_is_the_clusters_or_the_charts(
    render: Any, values: dict[str, Any], used: str | None, made: list[str]
) -> None:
    assert agent(render, {"priorityClass": values}).get("priorityClassName") == used
    objects = render("neurox-workload", {"agent": {"priorityClass": values}})
    classes = [each for each in objects if each["kind"] == "PriorityClass"]
    assert [each["metadata"]["name"] for each in classes] == made
    # Those of users end here; what is above is Kubernetes' own.
    assert all(each["value"] == 1_000_000_000 for each in classes)


def host_paths(spec: dict[str, Any]) -> set[str]:
    """Folders of the node that the pod sees."""
    return {each["hostPath"]["path"] for each in spec["volumes"] if "hostPath" in each}


def agent(render: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The pod spec of the DaemonSet."""
    objects = render("neurox-workload", {"agent": values})
    (found,) = (each for each in objects if each["kind"] == "DaemonSet")
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    return spec
