"""Real nodes do what the nodes of a cluster do, and leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from infra.images import upstream
from infra.local.node import Network, RealNode
from infra.local.node.layout import Layout
from infra.local.node.leftovers import LOGS
from infra.tools.catalogue import TOOLS
from infra.tools.toolbox import Toolbox

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("own_nodes")]

PYTHON = "localhost/python:3"
SERVER = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8080)"
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(name: str, code: str, volumes: list[dict] = (), **spec: object) -> dict:
    """A pod that runs a piece of Python as the restricted policy wants it."""
    container = {
        "name": name,
        "image": PYTHON,
        "args": ["-u", "-c", code],
        "securityContext": RESTRICTED,
        "volumeMounts": [{"name": one["name"], "mountPath": f"/{one['name']}"} for one in volumes],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [container], "volumes": list(volumes), **spec},
    }


def service(name: str, **spec: object) -> dict:
    ports = [{"port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


@pytest.fixture(scope="module")
def web(hub: RealNode, kubectl) -> RealNode:
    """The first node, with a web server behind a Service and a node port."""
    server = pod("web", SERVER)
    ready = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    server["spec"]["containers"][0]["readinessProbe"] = ready
    outside = service("outside", type="NodePort")
    for made in (server, service("web"), outside):
        kubectl(hub, "apply", "-f", "-", stdin=json.dumps(made))
    kubectl(hub, "wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    return hub


def ran(node: RealNode, kubectl, made: dict) -> str:
    """What a pod that runs to its end has logged."""
    name = made["metadata"]["name"]
    made["spec"]["restartPolicy"] = "Never"
    kubectl(node, "apply", "-f", "-", stdin=json.dumps(made))
    end = "--for=jsonpath={.status.phase}=Succeeded"
    kubectl(node, "wait", end, f"pod/{name}", "--timeout=60s")
    return kubectl(node, "logs", name)


def node_port(node: RealNode, kubectl) -> int:
    path = "jsonpath={.spec.ports[0].nodePort}"
    return int(kubectl(node, "get", "service", "outside", "-o", path))


def test_the_node_is_ready_and_of_the_pinned_version(hub: RealNode, kubectl) -> None:
    (node,) = json.loads(kubectl(hub, "get", "nodes", "-o", "json"))["items"]
    conditions = {one["type"]: one["status"] for one in node["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    assert node["metadata"]["name"] == "hub"
    assert node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://2.")


@pytest.mark.parametrize("socket", ["pod-resources/kubelet.sock", "device-plugins/kubelet.sock"])
def test_the_kubelets_sockets_lie_where_charts_mount_them(hub: RealNode, socket: str) -> None:
    assert Path(f"/proc/{hub.pid}/root/var/lib/kubelet", socket).is_socket()
    assert not Path("/var/lib/kubelet", socket).exists()


def test_a_restricted_pod_runs_and_cannot_write_to_its_root(web: RealNode, kubectl) -> None:
    code = "import os; print(os.getuid()); open('/x', 'w')"
    with pytest.raises(AssertionError, match="Read-only file system"):
        kubectl(web, "exec", "web", "--", "python3", "-c", code)
    said = kubectl(web, "exec", "web", "--", "python3", "-c", "import os; print(os.getuid())")
    assert said == "10001\n"


def test_a_service_is_reached_by_its_name_from_another_pod(web: RealNode, kubectl) -> None:
    code = (
        "import urllib.request as u;"
        "print(u.urlopen('http://web.default.svc.cluster.local', timeout=5).status)"
    )
    assert ran(web, kubectl, pod("client", code)) == "200\n"
    assert '"GET / HTTP' in kubectl(web, "logs", "web")


def test_who_asked_the_api_server_for_what_is_written_down(web: RealNode, kubectl) -> None:
    kubectl(web, "get", "secrets", "-A")
    whole_lines, _, _ = web.audit_log.read_text().rpartition("\n")
    events = [json.loads(line) for line in whole_lines.splitlines()]
    asked = {
        (e["user"]["username"], e["verb"], e["objectRef"]["resource"])
        for e in events
        if "objectRef" in e
    }
    assert ("neurox-up", "list", "secrets") in asked
    assert ("system:node:hub", "get", "pods") in asked
    assert not any("requestObject" in event for event in events)


def test_a_claim_is_bound_and_a_pod_that_is_not_root_writes_to_it(web: RealNode, kubectl) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
    }
    kubectl(web, "apply", "-f", "-", stdin=json.dumps(claim))
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    group = {"fsGroup": 10002}
    write = pod("write", "open('/data/x', 'w').write('kept')", [volume], securityContext=group)
    read = pod("read", "print(open('/data/x').read())", [volume], securityContext=group)
    ran(web, kubectl, write)
    assert ran(web, kubectl, read) == "kept\n"
    kubectl(web, "delete", "pod", "write", "read", "--now")
    kubectl(web, "delete", "pvc", "data")
    kubectl(web, "wait", "--for=delete", "pv", "--all", "--timeout=30s")


def test_a_node_port_is_reached_from_this_machine_and_from_the_other_cluster(
    web: RealNode, site: RealNode, kubectl
) -> None:
    url = f"http://{web.address}:{node_port(web, kubectl)}/"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=5) as answer:
        assert answer.status == 200
    code = f"import urllib.request as u; print(u.urlopen('{url}', timeout=5).status)"
    assert ran(site, kubectl, pod("visitor", code)) == "200\n"
    assert kubectl(site, "get", "nodes", "-o", "name") == "node/site\n"


@pytest.mark.parametrize("tool", upstream.CHART)
def test_images_of_others_run_as_a_user_without_rights(
    tool: str, hub: RealNode, tmp_path: Path, kubectl
) -> None:
    hub.import_images(upstream.save(Toolbox.from_env(), [tool], tmp_path))
    made = pod(tool, "")
    program = {"image": upstream.reference(tool), "args": ["--version"]}
    program["command"] = [upstream.IMAGES[tool].program]
    # Caddy's file has this capability: who may not have it cannot start it.
    bound = {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
    program["securityContext"] = RESTRICTED | ({"capabilities": bound} if tool == "caddy" else {})
    made["spec"]["containers"][0] |= program
    assert TOOLS[tool].version in ran(hub, kubectl, made)


def traces(at: Layout, spaces: set[str]) -> list[str]:
    """What of a node is on this machine; ``spaces`` are its network namespaces."""
    processes = [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(at.folder) in _read(path) or _link(path.parent / "ns/net") in spaces
    ]
    mounts = [line for line in _read(Path("/proc/mounts")).splitlines() if str(at.folder) in line]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{at.cgroup}")]
    links = [path.name for path in Path("/sys/class/net").glob(at.link)]
    files = [path.name for path in at.folder.iterdir() if path.name not in LOGS]
    return [*processes, *mounts, *groups, *links, *files]


def spaces_of(node: RealNode) -> set[str]:
    """The network namespaces of the node's processes, those of its pods among them."""
    all_of_it = psutil.Process(node.pid).children(recursive=True)
    return {_link(Path(f"/proc/{process.pid}/ns/net")) for process in all_of_it} - {""}


def standard_places() -> set[str]:
    """Folders that an ordinary node would have made on this machine."""
    places = ("kubelet", "containerd", "cni")
    found = {*(Path("/var/lib") / name for name in places), Path("/var/log/pods"), Path("/opt/cni")}
    return {str(place) for place in (*found, Path("/run/containerd")) if place.exists()}


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_node_that_ends_leaves_nothing(how: signal.Signals, tmp_path: Path, kubectl) -> None:
    before = standard_places()
    with Network(tmp_path) as network:
        with RealNode("short", network) as node:
            at, spaces = node.layout, spaces_of(node)
            assert len(spaces) > 1, "CoreDNS has one of its own"
            assert len(traces(at, spaces)) > len(spaces)
            os.kill(node.pid, how)
            os.waitid(os.P_PID, node.pid, os.WEXITED | os.WNOWAIT)
        assert traces(at, spaces) == []
    assert not Path(f"/sys/class/net/{network.bridge}").exists()
    assert standard_places() == before


def test_a_killed_test_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from infra.local.node import Network, RealNode\n"
        "with Network(Path(sys.argv[1])) as net, RealNode('lost', net) as node:\n"
        "    print(node.pid, flush=True); sys.stdin.read()"
    )
    argv = (sys.executable, "-c", code, str(tmp_path))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as test:
        node = psutil.Process(int(test.stdout.readline()))
        inside = node.children(recursive=True)
        at = Layout.read(tmp_path / "lost")
        test.kill()
    _, alive = psutil.wait_procs([node, *inside], timeout=30)
    assert not alive
    assert traces(at, set()) == []
    assert not Path(f"/sys/class/net/{at.bridge}").exists()
