"""A cluster of the user's own: here a real API server, reached by a context of a kubeconfig."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import document, kube_context
from infra.local.errors import USAGE, LocalError
from infra.local.kube_context import Context, Target
from infra.local.sandbox.kube import Kube

pytestmark = pytest.mark.slow

SERVER = """
import asyncio, sys
from pathlib import Path
from infra.local.interrupts import Interrupts
from infra.local.ports import Ports
from infra.local.sandbox.processes import SandboxCluster
from infra.local.supervisor import Supervisor
from infra.tools.toolbox import Toolbox

async def main(folder):
    interrupts = Interrupts()
    cluster = SandboxCluster("theirs", folder, Toolbox.from_env(), Ports({}).get, 1, 1)
    cluster.prepare()
    supervisor = Supervisor(cluster.processes()[:2], folder, print, interrupts.hurry)
    supervisor.start()
    try:
        await supervisor.ready(list(supervisor.keepers), 60)
        print("ready", flush=True)
        await interrupts.stop.wait()
    finally:
        await supervisor.stop()

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The admin's kubeconfig of a running API server, with its context named theirs."""
    folder = tmp_path_factory.mktemp("theirs")
    argv = [sys.executable, "-c", SERVER, str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        kubeconfig = document.read(folder / "kubeconfig" / "admin.yaml")
        kubeconfig["contexts"][0]["name"] = "theirs"
        document.write(folder / "config", kubeconfig)
        yield folder / "config"
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


@pytest.fixture
def admin(theirs: Path) -> Iterator[Kube]:
    found = document.read(theirs)
    cluster, user = found["clusters"][0]["cluster"], found["users"][0]["user"]
    pair = Path(user["client-certificate"]), Path(user["client-key"])
    kube = Kube(cluster["server"], Path(cluster["certificate-authority"]), pair)
    yield kube
    kube.close()


def namespaces(admin: Kube) -> dict[str, str]:
    """Name to phase; without a controller-manager a deleted one stays Terminating."""
    found = admin.get("/api/v1/namespaces")["items"]
    return {one["metadata"]["name"]: one["status"]["phase"] for one in found}


def test_all_that_is_written_is_removed_again(theirs: Path, admin: Kube, tmp_path: Path) -> None:
    context = Context.from_env("theirs", {"KUBECONFIG": str(theirs)})
    target = kube_context.preflight(context, tmp_path)
    assert target.version.startswith("v1.")
    context = target.context
    access = kube_context.access(context, tmp_path, tmp_path / "clusters" / "theirs")
    access.prepare()
    assert namespaces(admin)["neurox-system"] == "Active"
    for kubeconfig in (access.manager_kubeconfig, access.relay_kubeconfig):
        assert kubeconfig.stat().st_mode & 0o777 == 0o600
        assert "token" in document.read(kubeconfig)["users"][0]["user"]
    access.apply(
        "apiVersion: v1\nkind: Secret\n"
        "metadata: {name: neurox-join, namespace: neurox-system}\nstringData: {kubeconfig: x}\n"
    )
    path = "/api/v1/namespaces/neurox-system/secrets/neurox-join"
    assert admin.get(path)["data"] == {"kubeconfig": "eA=="}
    assert not list(tmp_path.rglob("*secret*.yaml"))
    roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    ours = [one["metadata"]["name"] for one in admin.get(roles)["items"]]
    assert [name for name in ours if name.startswith("neurox")]
    kube_context.leave("theirs", context, tmp_path)
    left = [one["metadata"]["name"] for one in admin.get(roles)["items"]]
    assert not [name for name in left if name.startswith("neurox")]
    assert namespaces(admin)["neurox-system"] == "Terminating"
    assert not (tmp_path / "clusters" / "theirs").exists()
    kube_context.leave("theirs", context, tmp_path)  # a second time is no error


def test_an_installation_that_up_did_not_make_is_left_alone(
    theirs: Path, admin: Kube, tmp_path: Path
) -> None:
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    helm = {"app.kubernetes.io/managed-by": "Helm"}
    space = {"apiVersion": "v1", "kind": "Namespace"}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    admin.apply({**space, "metadata": {"name": "neurox-system", "labels": helm}})
    admin.apply({**role, "metadata": {"name": "neurox-workload-manager", "labels": helm}})
    context = Context("theirs", str(theirs))
    for call in (
        lambda: kube_context.preflight(context, tmp_path),
        lambda: kube_context.leave("theirs", context, tmp_path),
    ):
        with pytest.raises(LocalError, match="not made by `neurox up`"):
            call()
    assert admin.get(f"{path}/neurox-workload-manager")["metadata"]["labels"] == helm
    admin.delete(f"{path}/neurox-workload-manager")
    ours = {"app.kubernetes.io/managed-by": "neurox-up"}
    admin.apply({**space, "metadata": {"name": "neurox-system", "labels": ours}})


def test_a_context_that_points_elsewhere_by_now_is_left_alone(
    theirs: Path, admin: Kube, tmp_path: Path
) -> None:
    context = Context("theirs", str(theirs), "https://10.0.0.1:6443")
    with pytest.raises(LocalError, match=r"neurox wrote into https://10\.0\.0\.1:6443"):
        kube_context.leave("theirs", context, tmp_path)
    assert "neurox-system" in namespaces(admin)


@pytest.mark.parametrize(
    ("context", "name"),
    [
        (Context("prod.example.org/admin", "", "a"), "prod-example-org-admin"),
        (Context("Prod", "", "a"), "prod-2"),
        (Context("prod", "", "b"), "prod"),
        (Context("sandbox-1", "", "a"), "context-sandbox-1"),
        (Context("///", "", "a"), "context"),
    ],
)
def test_a_cluster_here_has_a_name_that_no_other_has(context: Context, name: str) -> None:
    clusters = {"sandbox-1": {"nodes": "4"}, "prod": Context("prod", "", "b").row()}
    assert kube_context.local_name(context, clusters) == name


def test_an_unknown_context_is_named_with_those_that_are_there(
    theirs: Path, tmp_path: Path
) -> None:
    with pytest.raises(LocalError, match=r"thiers .* has no such context; there are: theirs"):
        kube_context.preflight(Context("thiers", str(theirs)), tmp_path)


def test_credentials_that_may_not_write_are_refused_before_anything_is_written(
    theirs: Path, admin: Kube, tmp_path: Path
) -> None:
    path = "/api/v1/namespaces/default/serviceaccounts"
    admin.post(path, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "guest"}})
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = admin.post(f"{path}/guest/token", request)["status"]["token"]
    guest = document.read(theirs)
    guest["users"][0]["user"] = {"token": token}
    document.write(tmp_path / "config", guest)
    with pytest.raises(LocalError, match=r"does not let you make ClusterRole, .*cluster admin"):
        kube_context.preflight(Context("theirs", str(tmp_path / "config")), tmp_path)


@pytest.mark.parametrize("text", [b":::{{{", b"[]", b"\xff\xfe", b"contexts: 3"])
def test_what_is_no_kubeconfig_is_named(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "config").write_bytes(text)
    with pytest.raises(LocalError) as refused:
        kube_context.preflight(Context("theirs", str(tmp_path / "config")), tmp_path)
    assert str(tmp_path / "config") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_context_that_does_not_answer_is_told_within_seconds(
    theirs: Path, tmp_path: Path
) -> None:
    silent = document.read(theirs)
    with socket.create_server(("127.0.0.1", 0)) as server:  # it takes calls and says nothing
        silent["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{server.getsockname()[1]}"
        document.write(tmp_path / "config", silent)
        began = time.monotonic()
        with pytest.raises(LocalError, match="does not answer within 5 s"):
            kube_context.preflight(Context("theirs", str(tmp_path / "config")), tmp_path)
        assert time.monotonic() - began < 15


def test_without_a_terminal_agreement_must_be_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: PTH123, SIM115
    context = Context("theirs", "", "https://example.org")
    target = Target(context, "v1.37.2", {"ClusterRole": ["neurox-b", "neurox-a"]})
    with pytest.raises(LocalError, match="--yes") as refused:
        kube_context.confirm(target, yes=False)
    assert refused.value.exit_code == USAGE
    said = capsys.readouterr().out
    assert "theirs at https://example.org (Kubernetes v1.37.2)" in said
    assert "ClusterRole: neurox-a, neurox-b\n" in said
    assert "`neurox down` removes all of it" in said
    kube_context.confirm(target, yes=True)
