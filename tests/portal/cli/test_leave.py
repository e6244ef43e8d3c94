import json
from pathlib import Path

import pytest

from portal.cli.leave import leave

LABELS = {"app.kubernetes.io/instance": "neurox"}
KUBECTL = """#!/bin/sh
case "$*" in
*"get deployments"*) cat {deployments} ;;
*"-o json"*) echo '{{"items": []}}' ;;
esac
"""


@pytest.fixture
def one_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kubectl and helm, as of a cluster whose one release holds both planes."""
    parts = [
        {
            "metadata": {
                "namespace": "neurox-system",
                "labels": {**LABELS, "app.kubernetes.io/component": name},
            }
        }
        for name in ("api", "workload-manager")
    ]
    (tmp_path / "deployments").write_text(json.dumps({"items": parts}))
    scripts = {
        "kubectl": KUBECTL.format(deployments=tmp_path / "deployments"),
        "helm": "#!/bin/sh\necho '[]'\n",
    }
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@pytest.mark.usefixtures("one_cluster")
def test_what_is_left_to_do_by_hand_is_said_before_anything_is_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    leave(context="solo", dry_run=True)
    said = capsys.readouterr().err
    assert "the rest of the release neurox to you" in said
    assert "helm upgrade neurox CHART --namespace neurox-system" in said
    assert "nothing of the workload plane" not in said
    assert "helm uninstall" not in said
