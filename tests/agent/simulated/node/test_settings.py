import pytest

from agent.settings import SettingsError
from agent.simulated.node.settings import Settings

ENV = {
    "NEUROX_AGENT_NODE": "a",
    "NEUROX_AGENT_POD_RESOURCES": "/run/kubelet.sock",
    "NEUROX_NVML_SCENARIO": "/run/scenario",
}


def test_eight_h200_unless_told_otherwise() -> None:
    settings = Settings.from_env(ENV)
    assert (settings.gpus, settings.model.name) == (8, "NVIDIA H200")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NEUROX_AGENT_NODE", "", "is not set: give the name of this node"),
        ("NEUROX_NVML_SCENARIO", "", "is not set"),
        ("NEUROX_AGENT_POD_RESOURCES", "", "is not set"),
        ("NEUROX_SIMULATED_GPUS", "17", "must be 1 to 16, not '17'"),
        ("NEUROX_SIMULATED_GPUS", "-1", "agent.simulatedGpus.count"),
        ("NEUROX_SIMULATED_MODEL", "H200", "NVIDIA-H200, NVIDIA-L40S, Tesla-T4, not 'H200'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({**ENV, name: value})
    assert str(refused.value).startswith(name)
    assert words in str(refused.value)
