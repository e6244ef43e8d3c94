from pathlib import Path

import pytest

from controllers.workload.settings import Settings, SettingsError


def test_defaults_are_those_of_a_pod() -> None:
    settings = Settings.from_env({})
    assert (settings.listen_port, settings.namespace) == (8090, "neurox-system")
    assert settings.kubeconfig is None


@pytest.mark.parametrize("listen", ["", "8090", "host:", "host:x", ":70000", "host:70000"])
def test_a_bad_address_is_refused_by_name_and_value(listen: str) -> None:
    with pytest.raises(SettingsError, match="NEUROX_MANAGER_LISTEN must be host:port") as caught:
        Settings.from_env({"NEUROX_MANAGER_LISTEN": listen})
    assert repr(listen) in str(caught.value)


def test_a_missing_kubeconfig_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="NEUROX_MANAGER_KUBECONFIG: there is no file"):
        Settings.from_env({"NEUROX_MANAGER_KUBECONFIG": str(tmp_path / "absent")})
