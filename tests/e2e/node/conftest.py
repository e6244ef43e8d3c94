"""Two real nodes for the tests of this folder, and a Python in an image for their pods."""

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from existing import ExistingCluster

from infra.images import upstream
from infra.images.archive import FileImage, write
from infra.images.catalogue import own_platform
from infra.images.upstream import libraries
from infra.local.node import Network, RealNode
from infra.tools.toolbox import Toolbox

PYTHON = "localhost/python:3"
ROOT = Path(__file__).parents[3]
OURS = ("control", "workload", "relay", "agent-simulated")
Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Network | ExistingCluster]:
    """Where nodes are started; with --context, the one cluster that stands for them all."""
    folder = tmp_path_factory.mktemp("nodes")
    if context := request.config.getoption("--context"):
        Toolbox.from_env().ensure(["helm", "kubectl"])
        yield ExistingCluster(context, folder)
        return
    with Network(folder) as network:
        yield network


@pytest.fixture(scope="session")
def own_nodes(request: pytest.FixtureRequest) -> None:
    """For tests that are about our nodes themselves."""
    if request.config.getoption("--context"):
        pytest.skip("tests the nodes of this repository, not the cluster of --context")


@pytest.fixture(scope="session")
def python_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python that runs these tests, without what none of them imports."""
    program = Path(os.path.realpath(sys.executable))
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    unused = {"__pycache__", "test", "idlelib", "tkinter", "site-packages", "dist-packages"}
    modules = [
        path for path in library.rglob("*") if path.is_file() and not unused & set(path.parts)
    ]
    linked = {
        pair
        for path in (program, *modules)
        if path == program or path.suffix == ".so"
        for pair in libraries(path)
    }
    own = {(path, str(path)) for path in (program, *modules)}
    files = ((program, "/usr/bin/python3"), *sorted(linked | own))
    to = tmp_path_factory.mktemp("images") / "python.tar"
    write(FileImage(PYTHON, files, ("/usr/bin/python3",)), to)
    return to


@pytest.fixture(scope="module")
def hub(network: Network, python_archive: Path) -> Iterator[RealNode]:
    yield from _node("hub", network, python_archive)


@pytest.fixture(scope="module")
def site(hub: RealNode, network: Network, python_archive: Path) -> Iterator[RealNode]:
    """A second one, while the first runs."""
    yield from _node("site", network, python_archive)


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    """Run kubectl against a node; its standard output."""
    program = str(Toolbox.from_env().path("kubectl"))

    def run(node: RealNode, *words: str, stdin: str | None = None) -> str:
        argv = (program, f"--kubeconfig={node.kubeconfig}", "--request-timeout=30s", *words)
        env = {**os.environ, "NO_PROXY": node.address, "no_proxy": node.address}
        done = subprocess.run(
            argv, input=stdin, env=env, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with helm and kubectl, as a user has them on PATH."""
    folder, box = tmp_path_factory.mktemp("bin"), Toolbox.from_env()
    box.ensure(["helm", "kubectl"])
    for name in ("helm", "kubectl"):
        (folder / name).symlink_to(box.path(name))
    return str(folder)


@pytest.fixture(scope="session")
def images(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ours, as `make images` packs them, and those of others; none with --context."""
    if request.config.getoption("--context"):
        return []
    folder = ROOT / "build" / "images" / own_platform().architecture
    ours = [folder / f"{name}.tar" for name in OURS]
    missing = [str(path) for path in ours if not path.exists()]
    assert not missing, f"`make images BASE=debian` makes {', '.join(missing)}"
    folder = tmp_path_factory.mktemp("archives")
    return [*ours, *upstream.save(Toolbox.from_env(), upstream.CHART, folder)]


def _node(
    name: str, network: Network | ExistingCluster, archive: Path
) -> Iterator[RealNode | ExistingCluster]:
    began = time.monotonic()
    with network if isinstance(network, ExistingCluster) else RealNode(name, network) as node:
        print(f"{name} is Ready after {time.monotonic() - began:.1f} s")
        node.import_images([archive])
        yield node
