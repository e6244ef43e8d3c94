"""containerd, which runs the pods' containers by runc and connects them by CNI plugins."""

import json
import os
import socket

from infra.images import upstream
from infra.local.node.layout import CONTAINERD, PODS, SOCKET, Layout
from infra.local.process import Process
from infra.tools.toolbox import Toolbox

PLUGINS = ("bridge", "host-local", "loopback", "portmap")
CONNECT_SECONDS = 1.0


def process(at: Layout, tools: Toolbox) -> Process:
    """Ready when it takes calls."""
    shim = tools.path("containerd-shim-runc-v2").parent

    def prepare() -> None:
        folder = at.config("cni")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "10-pods.conflist").write_text(json.dumps(network(), indent=2))
        at.config("containerd.toml").write_text(configuration(at, tools))

    return Process(
        name=f"{at.name}/containerd",
        argv=(str(tools.path("containerd")), "--config", str(at.config("containerd.toml"))),
        env={"PATH": f"{shim}:{os.environ['PATH']}"},
        prepare=prepare,
        ready=_takes_calls,
    )


def network() -> dict[str, object]:
    """The pods' network: a bridge, hidden behind the node's address from everyone else."""
    return {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "ipMasq": True,
                "ipMasqBackend": "nftables",
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": PODS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": "/run/cni",
                },
            },
            {
                "type": "portmap",
                "backend": "nftables",
                "capabilities": {"portMappings": True},
            },
        ],
    }


def configuration(at: Layout, tools: Toolbox) -> str:
    """containerd's own file; a JSON string or list is a TOML one too."""
    plugins = json.dumps([str(tools.path(name).parent) for name in PLUGINS])
    return f"""version = 3
root = {json.dumps(str(CONTAINERD))}
state = {json.dumps(str(SOCKET.parent))}

[grpc]
  address = {json.dumps(str(SOCKET))}

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = {json.dumps(upstream.reference("pause"))}

[plugins."io.containerd.cri.v1.runtime"]
  # Lowering the score of a process takes a right that containers of CI machines lack.
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = {plugins}
    conf_dir = {json.dumps(str(at.config("cni")))}
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        SystemdCgroup = false
        BinaryName = {json.dumps(str(tools.path("runc")))}
"""


def _takes_calls() -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(str(SOCKET))
    return True
