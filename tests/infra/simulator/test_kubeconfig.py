import json
from pathlib import Path
from typing import Any

import pytest

from infra.local.simulator.kubeconfig import KubeconfigError, session

CONFIG: dict[str, Any] = {
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    "clusters": [
        {
            "name": "k",
            "cluster": {"server": "https://127.0.0.1:6443/", "certificate-authority": "ca.crt"},
        }
    ],
    "users": [{"name": "u", "user": {"client-certificate": "a.crt", "client-key": "/k/a.key"}}],
}


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(json.dumps(CONFIG))
    made, server = session(tmp_path / "config")
    assert server == "https://127.0.0.1:6443"
    assert made.verify == str(tmp_path / "ca.crt")
    assert made.cert == (str(tmp_path / "a.crt"), "/k/a.key")
    assert not made.trust_env


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ("", "lacks"),
        ("{", "lacks"),
        (json.dumps({**CONFIG, "current-context": "other"}), "context other"),
        (json.dumps({**CONFIG, "users": [{"name": "u", "user": {}}]}), "client-certificate"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, config: str, named: str) -> None:
    (tmp_path / "config").write_text(config)
    with pytest.raises(KubeconfigError, match=named):
        session(tmp_path / "config")


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="No such file"):
        session(tmp_path / "config")
