import base64
import stat
from pathlib import Path

import yaml

from infra.local.sandbox import kubeconfig


def test_a_token_kubeconfig_needs_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("PEM")
    document = kubeconfig.by_token("https://x", tmp_path / "ca.crt", "secret", "neurox-system")
    kubeconfig.write(tmp_path / "manager.yaml", document)
    read = yaml.safe_load((tmp_path / "manager.yaml").read_text())
    cluster = read["clusters"][0]["cluster"]
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"PEM"
    assert read["contexts"][0]["context"]["namespace"] == "neurox-system"
    assert stat.S_IMODE((tmp_path / "manager.yaml").stat().st_mode) == 0o600
