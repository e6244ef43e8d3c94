from pathlib import Path

import pytest

from agent.environment import SettingsError
from agent.simulated.node.settings import Settings


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The least that must be set, with a cluster's CA."""
    ca = tmp_path / "ca.crt"
    ca.write_text("one")
    return {
        "NEUROX_AGENT_NODE": "a",
        "NEUROX_AGENT_POD_RESOURCES": "/run/kubelet.sock",
        "NEUROX_NVML_SCENARIO": "/run/scenario",
        "NEUROX_SIMULATED_CLUSTER_CA": str(ca),
    }


def test_eight_h200_unless_told_otherwise(env: dict[str, str]) -> None:
    settings = Settings.from_env(env)
    assert (settings.gpus, settings.model.name) == (8, "h200")


def test_clusters_are_told_apart_by_their_ca(env: dict[str, str]) -> None:
    one = Settings.from_env(env).cluster
    assert Settings.from_env(env).cluster == one
    Path(env["NEUROX_SIMULATED_CLUSTER_CA"]).write_text("another")
    assert Settings.from_env(env).cluster != one


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NEUROX_AGENT_NODE", "", "is not set: give the name of this node"),
        ("NEUROX_NVML_SCENARIO", "", "is not set"),
        ("NEUROX_AGENT_POD_RESOURCES", "", "is not set"),
        ("NEUROX_SIMULATED_CLUSTER_CA", "/absent", "mount the ConfigMap kube-root-ca.crt"),
        ("NEUROX_SIMULATED_GPUS", "17", "must be 1 to 16, not '17'"),
        ("NEUROX_SIMULATED_GPUS", "-1", "agent.simulatedGpus.count"),
        ("NEUROX_SIMULATED_MODEL", "H200", "NVIDIA-H200, NVIDIA-L40S, Tesla-T4, not 'H200'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(
    env: dict[str, str], name: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({**env, name: value})
    assert str(refused.value).startswith(name)
    assert words in str(refused.value)
