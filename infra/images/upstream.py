"""Other people's images, made of the programs that the catalogue builds, under their own names.

For machines that reach no image registry: a chart cannot tell them from the originals, as long as
it runs the program and nothing else that those hold.
"""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.images.archive import FileImage, write
from infra.tools.catalogue import TOOLS
from infra.tools.errors import ToolError
from infra.tools.toolbox import Toolbox


@dataclass(frozen=True)
class Upstream:
    """An image of somebody else's: its name, where its program lies, and as whom it runs."""

    name: str
    """``{}`` stands for the version, which is the catalogue's."""
    program: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    binds_low_ports: bool = False


IMAGES = {
    "pause": Upstream("registry.k8s.io/pause:{}", "/pause", ("/pause",), user="65535:65535"),
    "coredns": Upstream(
        "registry.k8s.io/coredns/coredns:v{}", "/coredns", ("/coredns",), user="65532:65532"
    ),
    "valkey-server": Upstream(
        "docker.io/valkey/valkey:{}", "/usr/local/bin/valkey-server", command=("valkey-server",)
    ),
    "thanos": Upstream("quay.io/thanos/thanos:v{}", "/bin/thanos", ("/bin/thanos",), user="1001"),
    "prometheus": Upstream(
        "quay.io/prometheus/prometheus:v{}", "/bin/prometheus", ("/bin/prometheus",), user="65534"
    ),
    "caddy": Upstream(
        "docker.io/library/caddy:{}",
        "/usr/bin/caddy",
        command=("caddy", "run", "--config", "/etc/caddy/Caddyfile"),
        binds_low_ports=True,
    ),
}
"""By the name of the tool that is in it."""

SYSTEM = ("pause", "coredns")
CHART = ("valkey-server", "thanos", "prometheus", "caddy")


def reference(tool: str) -> str:
    """The image's whole name, as a pod spec has it."""
    if tool not in IMAGES:
        raise ToolError(f"no image is made of {tool}; there are: {', '.join(IMAGES)}")
    return IMAGES[tool].name.format(TOOLS[tool].version)


def save(tools: Toolbox, names: Iterable[str], folder: Path) -> list[Path]:
    """Write the archives of the named tools' images into ``folder``; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in names:
        paths.append(folder / f"{name}.tar")
        write(image(name, tools.path(name)), paths[-1])
    return paths


def image(tool: str, program: Path) -> FileImage:
    """The stand-in for the image of ``tool``."""
    name, like = reference(tool), IMAGES[tool]
    files = ((program, like.program), *libraries(program))
    return FileImage(name, files, like.entrypoint, like.command, like.user, like.binds_low_ports)


def libraries(program: Path) -> tuple[tuple[Path, str], ...]:
    """What a program that is not static loads, at the same paths: ``name => path (address)``."""
    # It fails on a static program, and prints no path then.
    said = subprocess.run(
        ("ldd", str(program)), capture_output=True, text=True, timeout=10, check=False
    ).stdout
    words = (word for line in said.splitlines() for word in line.split())
    return tuple((Path(word), word) for word in words if word.startswith("/"))
