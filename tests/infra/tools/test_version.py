import os
from pathlib import Path

import pytest

from infra.tools import version
from infra.tools.catalogue import TOOLS


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("etcd", "etcd Version: 3.7.9\nGit SHA: abc\nGo Version: go1.26.8"),
        ("kube-apiserver", "Kubernetes v1.37.0"),
        ("kwok", "kwok version v0.8.1 go1.26.8 (linux/amd64)"),
        ("prometheus", "prometheus, version 3.16.4 (branch: HEAD)"),
    ],
)
def test_another_patch_of_the_same_minor_fits(name: str, said: str) -> None:
    assert version.fits(TOOLS[name], said)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("etcd", "etcd Version: 3.5.21"),
        ("kube-apiserver", "Kubernetes v1.36.2"),
        ("kube-apiserver", "Kubernetes v2.37.2"),
        # An unstamped build names only the Go that made it.
        (
            "prometheus",
            "prometheus, version  (branch: , revision: unknown)\n  go version: go3.16.0",
        ),
        ("thanos", ""),
    ],
)
def test_another_minor_or_no_version_does_not_fit(name: str, said: str) -> None:
    assert not version.fits(TOOLS[name], said)


def test_a_program_that_does_not_run_says_nothing(tmp_path: Path) -> None:
    assert version.ask(tmp_path / "absent", (), os.environ) == ""
