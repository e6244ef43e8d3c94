"""How the agent gets at the driver, by value."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.settings import VARIABLES
from agent.settings import Settings as AgentSettings
from agent.simulated.node.settings import CLUSTER_CA, GPUS_MAX, Settings
from agent.simulated.profile import PROFILES, products

CHART = Path(__file__).parents[2] / "charts/neurox-workload"


MANAGEMENT = "management.nvidia.com/gpu=all"


@pytest.mark.parametrize(
    ("driver", "runtime", "visible", "library"),
    [
        ("runtimeClass", "nvidia", "all", None),
        ("cdi", None, MANAGEMENT, None),
        ("hostPath", None, None, "/usr/local/nvidia/lib64"),
    ],
)
def test_the_driver_comes_by_the_way_that_was_chosen(
    render: Any, driver: str, runtime: str | None, visible: str | None, library: str | None
) -> None:
    spec = agent(render, {"driver": driver})
    assert spec.get("runtimeClassName") == runtime
    assert environment(spec).get("LD_LIBRARY_PATH") == library
    assert environment(spec).get("NVIDIA_VISIBLE_DEVICES") == visible
    assert ("/home/kubernetes/bin/nvidia" in host_paths(spec)) is bool(library)


def test_a_cdi_device_is_asked_for_by_the_annotation_of_nvidias_plugin_too(render: Any) -> None:
    key = "nvidia.cdi.k8s.io/container.agent"
    assert template(render, {"driver": "cdi"})["metadata"]["annotations"] == {key: MANAGEMENT}
    own = {"driver": "cdi", "cdiDevice": "nvidia.com/gpu=all", "annotations": {"a": "b"}}
    given = template(render, own)["metadata"]["annotations"]
    assert given == {key: "nvidia.com/gpu=all", "a": "b"}
    assert "annotations" not in template(render, {})["metadata"]
    assert "annotations" not in template(render, {"driver": "cdi", "simulated": True})["metadata"]


def test_only_a_privileged_agent_asks_for_mig_devices_of_the_future(render: Any) -> None:
    """NVIDIA's runtime starts no unprivileged container that asks."""
    assert "NVIDIA_MIG_MONITOR_DEVICES" not in environment(agent(render, {}))
    spec = agent(render, {"privileged": True})
    assert environment(spec)["NVIDIA_MIG_MONITOR_DEVICES"] == "all"
    security = spec["containers"][0]["securityContext"]
    assert security == {"runAsUser": 0, "privileged": True, "readOnlyRootFilesystem": True}
    spec = agent(render, {"privileged": True, "driver": "hostPath"})
    assert "NVIDIA_MIG_MONITOR_DEVICES" not in environment(spec)


def test_it_leaves_a_node_whose_driver_the_gpu_operator_changes(render: Any) -> None:
    placed = agent(render, {})["affinity"]["nodeAffinity"]
    terms = placed["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    label = "nvidia.com/gpu.deploy.client"
    assert [each["matchExpressions"] for each in terms] == [
        [{"key": label, "operator": "DoesNotExist"}],
        [{"key": label, "operator": "In", "values": ["true"]}],
    ]


def test_it_is_told_what_it_may_see(render: Any) -> None:
    told = environment(agent(render, {"hostPID": False, "dcgm": "none"}))
    assert told["NEUROX_AGENT_HOST_PID"] == "false"
    assert told["NEUROX_AGENT_DCGM"] == "none"
    assert "NEUROX_AGENT_JOB_MAP" not in told
    told = environment(agent(render, {}))
    assert told["NEUROX_AGENT_HOST_PID"] == "auto"
    assert told["NEUROX_AGENT_DCGM"] == "legacy"
    assert told["NEUROX_AGENT_DCGM_ESTIMATE"] == "false"
    assert told["NEUROX_AGENT_KUBE_API"] == "in-cluster"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"hostPID": False, "dcgm": "none", "detail": ["nvlink", "tensor"]},
        {"dcgm": "both", "jobMap": "/jobs"},
    ],
)
def test_the_agent_takes_what_the_chart_tells_it(render: Any, values: dict[str, Any]) -> None:
    told = environment(agent(render, values))
    ours = {key: value or "a" for key, value in told.items() if key.startswith("NEUROX_")}
    assert ours.keys() <= VARIABLES.keys()
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    settings = AgentSettings.from_env({**ours, **pod})
    assert list(settings.detail) == values.get("detail", [])
    assert settings.host_pid == ("auto" if values.get("hostPID", True) else "false")
    assert settings.kube_api == "https://10.0.0.1:443"
    assert settings.dcgm == told["NEUROX_AGENT_DCGM"]
    assert (settings.job_map is not None) is ("jobMap" in values)


def test_a_job_map_is_a_folder_of_the_node_that_it_only_reads(render: Any) -> None:
    spec = agent(render, {"jobMap": "/var/lib/job-map"})
    (volume,) = (each for each in spec["volumes"] if each["name"] == "job-map")
    assert volume["hostPath"]["path"] == "/var/lib/job-map"
    (mount,) = (each for each in mounts(spec) if each["name"] == "job-map")
    assert mount["readOnly"] is True
    assert environment(spec)["NEUROX_AGENT_JOB_MAP"] == mount["mountPath"]


def test_its_token_is_for_its_own_container_and_lasts_an_hour(render: Any) -> None:
    spec = agent(render, {"simulated": True})
    assert spec["automountServiceAccountToken"] is False
    (volume,) = (each for each in spec["volumes"] if "projected" in each)
    kinds = {
        kind: each for source in volume["projected"]["sources"] for kind, each in source.items()
    }
    assert set(kinds) == {"serviceAccountToken", "configMap"}
    assert kinds["serviceAccountToken"]["expirationSeconds"] < 2 * 3600
    (mount,) = (each for each in mounts(spec) if each["name"] == volume["name"])
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    (node,) = spec["initContainers"]
    assert volume["name"] not in {each["name"] for each in node["volumeMounts"]}


@pytest.mark.parametrize("dra", [False, True])
def test_it_may_list_and_watch_pods_and_for_claims_slices(render: Any, dra: bool) -> None:
    objects = render("neurox-workload", {"agent": {"dra": dra}})
    named = [each for each in objects if each["metadata"]["name"] == "neurox-agent"]
    (role,) = (each for each in named if each["kind"] == "ClusterRole")
    slices = {"apiGroups": ["resource.k8s.io"], "resources": ["resourceslices"]}
    pods = {"apiGroups": [""], "resources": ["pods"]}
    asked = [pods, slices] if dra else [pods]
    assert role["rules"] == [{**each, "verbs": ["list", "watch"]} for each in asked]
    (binding,) = (each for each in named if each["kind"] == "ClusterRoleBinding")
    account = {"name": "neurox-agent", "namespace": "neurox-system-agent"}
    assert binding["subjects"] == [{"kind": "ServiceAccount", **account}]
    assert not [each for each in named if each["kind"] == "Role"]


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
    assert Settings.from_env(env).model == PROFILES["t4"]
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
    assert gpus["model"]["enum"] == sorted(products())
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


def environment(spec: dict[str, Any]) -> dict[str, str | None]:
    """What the agent's container is told."""
    return {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}


def mounts(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """What the agent's container sees of the volumes."""
    found: list[dict[str, Any]] = spec["containers"][0]["volumeMounts"]
    return found


def agent(render: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The pod spec of the DaemonSet."""
    spec: dict[str, Any] = template(render, values)["spec"]
    return spec


def template(render: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The pods of the DaemonSet."""
    objects = render("neurox-workload", {"agent": values})
    (found,) = (each for each in objects if each["kind"] == "DaemonSet")
    made: dict[str, Any] = found["spec"]["template"]
    return made
