"""The network between nodes and this machine, which leads nowhere else."""

import contextlib
import hashlib
import ipaddress
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from infra.local.errors import LocalError
from infra.local.node.layout import Layout

NETWORKS = tuple(ipaddress.IPv4Network("10.253.0.0/16").subnets(new_prefix=24))
PROGRAMS = {"ip": "iproute2", "nsenter": "util-linux", "nft": "nftables"}
"""What must be on PATH, and the Debian package that holds it."""
_PATIENCE_SECONDS = 10


class Network:
    """A bridge: this machine has its first address, each node one of the next.

    LocalError when this user may not make one, or no addresses are left.
    """

    def __init__(self, folder: Path) -> None:
        """``folder`` is where the nodes' folders are made; its path gives the bridge its name."""
        self.folder = folder.absolute()
        self.bridge = f"nxb{hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]}"
        self._addresses: Iterator[ipaddress.IPv4Address] = iter(())
        self._prefix = 0

    def __enter__(self) -> "Network":
        _refuse_unfit_machine()
        remove(self.bridge)
        chosen = free_network(_taken(), self.bridge)
        self._addresses, self._prefix = chosen.hosts(), chosen.prefixlen
        own = next(self._addresses)
        _ip(
            f"link add {self.bridge} type bridge",
            f"address add {own}/{chosen.prefixlen} dev {self.bridge}",
            f"link set {self.bridge} up",
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        remove(self.bridge)

    def node(self, name: str) -> Layout:
        """Room and the next address for a node of that name."""
        address = str(next(self._addresses))
        return Layout(name, self.folder / name, address, self._prefix, self.bridge)


def free_network(taken: list[ipaddress.IPv4Network], name: str) -> ipaddress.IPv4Network:
    """One that overlaps none of ``taken``; ``name`` spreads those who ask at once."""
    first = int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(NETWORKS)
    for one in (*NETWORKS[first:], *NETWORKS[:first]):
        if not any(one.overlaps(other) for other in taken):
            return one
    raise LocalError("no free network in 10.253.0.0/16 for a real node; end other tests first.")


def _refuse_unfit_machine() -> None:
    if os.geteuid():
        raise LocalError("a real node needs root, for namespaces and a bridge; run it as root.")
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        raise LocalError(f"a real node needs more; on Debian: apt install {' '.join(missing)}")


def connect(at: Layout, outside: int) -> None:
    """Wire this network namespace to the bridge in ``outside``, the host's (an open file)."""
    host = f"/proc/{os.getpid()}/fd/{outside}"
    _ip(
        f"link add {at.link} type veth peer name eth0 netns {os.getpid()}",
        f"link set {at.link} master {at.bridge} up",
        within=("nsenter", f"--net={host}"),
    )
    _ip(
        "link set lo up",
        f"address add {at.address}/{at.prefix} dev eth0",
        "link set eth0 up",
        # Nobody answers there; yet without a route no packet to a Service meets kube-proxy's rules.
        "route add default dev eth0",
    )
    for setting in ("ipv4/ip_forward", "ipv4/conf/all/route_localnet"):
        Path("/proc/sys/net", setting).write_text("1")
    # Else a pod that reaches itself or its neighbour through a Service gets no answer.
    bridged = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if bridged.exists():
        bridged.write_text("1")


def remove(link: str) -> None:
    """Take a bridge, or the machine's end of a node's wire, away; fine when it is gone."""
    if Path(f"/sys/class/net/{link}").exists():
        with contextlib.suppress(LocalError):  # the kernel did so just now, the node being gone
            _ip(f"link delete {link}")


def _taken() -> list[ipaddress.IPv4Network]:
    found = json.loads(_ip("", words=("-json", "-4", "address")))
    return [
        ipaddress.IPv4Network(f"{entry['local']}/{entry['prefixlen']}", strict=False)
        for link in found
        for entry in link["addr_info"]
    ]


def _ip(
    *commands: str, within: tuple[str, ...] = (), words: tuple[str, ...] = ("-batch", "-")
) -> str:
    done = subprocess.run(
        (*within, "ip", *words),
        input="\n".join(commands),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise LocalError(f"ip {'; '.join(commands)}: {done.stderr.strip()}")
    return done.stdout
