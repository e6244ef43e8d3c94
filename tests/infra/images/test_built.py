"""The images that real nodes run, built from Debian's packages, without a container runtime."""

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.images.catalogue import IMAGES, own_platform
from infra.images.order import ROOT, Order, revision, version

pytestmark = pytest.mark.node

ORDER = Order(own_platform(), "ghcr.io/neurox", version(), "debian")
"""What `make images BASE=debian` makes: others would take its place in build/images."""
PROGRAMS = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin")
PROCESSES = (
    ("control", "controllers.control"),
    ("control", "controllers.relay.server"),
    ("workload", "controllers.workload"),
    ("relay", "controllers.relay.client"),
    ("agent", "agent"),
    ("agent-simulated", "agent.simulated.node"),
)
IMPORT_ALL = """
import importlib, pathlib, sys
for place in ("/opt/libraries", "/opt/neurox"):
    for found in pathlib.Path(place).rglob("*.so"):
        if "tests" in found.parts:
            continue
        name = ".".join((*found.parent.relative_to(place).parts, found.name.split(".")[0]))
        importlib.import_module(name)
        print(name)
"""


def call(*words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0 or not check, done.stderr[-3000:]
    return done


@dataclass(frozen=True)
class Built:
    """A container of one image, mounted; commands run in it as its own user."""

    name: str
    container: str
    root: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return call(
            *("buildah", "run", "--isolation", "chroot", self.container, "--", *words), check=False
        )

    def python(self, code: str) -> str:
        done = self.run("python3", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def archives(request: pytest.FixtureRequest) -> Order:
    if request.config.getoption("--context"):
        pytest.skip("tests images as they are built here, not the cluster of --context")
    if shutil.which("buildah") is None or shutil.which("mmdebstrap") is None:
        pytest.fail("buildah or mmdebstrap is missing (on Debian: apt install buildah mmdebstrap)")
    build()
    return ORDER


def build() -> None:
    call(sys.executable, "-m", "infra.images", "build", "--base", ORDER.base)


@pytest.fixture(scope="module", params=IMAGES)
def built(request: pytest.FixtureRequest, archives: Order) -> Iterator[Built]:
    reference = archives.reference(IMAGES[request.param])
    container = call("buildah", "from", "--pull-never", reference).stdout.strip()
    try:
        root = Path(call("buildah", "mount", container).stdout.strip())
        yield Built(request.param, container, root)
    finally:
        call("buildah", "rm", container)


def test_python_starts_as_the_right_user(built: Built) -> None:
    uid = 0 if built.name.startswith("agent") else 65532
    said = built.python("import os, sys; print(os.getuid(), os.getgid(), sys.version_info[:2])")
    assert said == f"{uid} {uid} (3, 11)\n"


def test_public_authorities_are_known(built: Built) -> None:
    code = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'] > 100)"
    assert built.python(code) == "True\n"


def test_every_compiled_library_loads(built: Built) -> None:
    loaded = built.python(IMPORT_ALL).split()
    assert ("uvloop.loop" in loaded) == (built.name in {"control", "relay"})


def test_there_is_no_package_manager_and_no_compiler(built: Built) -> None:
    programs = {path.name for place in PROGRAMS for path in built.root.glob(f"{place}/*")}
    assert not programs & {"pip", "pip3", "apt-get", "gcc", "cc", "ld", "sh", "bash"}
    assert "python3.11" in programs
    folders = {path.name for path in built.root.rglob("*") if path.is_dir()}
    assert not folders & {"pip", "ensurepip", "setuptools"}


def test_only_tmp_can_be_written_by_everybody(built: Built) -> None:
    found = [
        str(path.relative_to(built.root))
        for path in built.root.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o6022
    ]
    assert set(found) <= {"tmp", "var/tmp", "dev/shm", "run/lock"}


def test_nothing_is_left_of_the_machine_that_built(built: Built, archives: Order) -> None:
    names = set()
    with tarfile.open(archives.archive(IMAGES[built.name])) as archive:
        for layer in _manifest(archive)["layers"]:
            with tarfile.open(fileobj=archive.extractfile(_path(layer["digest"]))) as files:
                names |= set(files.getnames())
    assert "usr/bin/python3.11" in names
    assert not names & {"etc/resolv.conf", "etc/hostname", "etc/apt", "dev/null"}
    assert [name for name in names if name.endswith("direct_url.json")] == []


def test_all_modules_come_with_bytecode(built: Built) -> None:
    ours = [path for path in (built.root / "opt/neurox").rglob("*.py")]
    cached = [path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc" for path in ours]
    assert len(ours) > 100
    assert [path for path in cached if not path.is_file()] == []


def test_labels_tell_where_an_image_comes_from(built: Built, archives: Order) -> None:
    with tarfile.open(archives.archive(IMAGES[built.name])) as archive:
        config = _manifest(archive)["config"]["digest"]
        labels = json.load(archive.extractfile(_path(config)))["config"]["Labels"]
        (index,) = json.load(archive.extractfile("index.json"))["manifests"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}version"] == version()
    assert labels[f"{prefix}revision"] == revision()
    assert labels[f"{prefix}licenses"] == "Apache-2.0"
    assert labels[f"{prefix}title"].startswith(f"neurox {built.name.partition('-')[0]}")
    name = index["annotations"]["org.opencontainers.image.ref.name"]
    assert name == archives.reference(IMAGES[built.name])


def _manifest(archive: tarfile.TarFile) -> dict:
    (index,) = json.load(archive.extractfile("index.json"))["manifests"]
    return json.load(archive.extractfile(_path(index["digest"])))


def _path(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def test_a_second_build_finds_everything_made(archives: Order) -> None:
    made = [archives.archive(image) for image in IMAGES.values()]
    before = [path.stat().st_ino for path in made]
    build()
    assert [path.stat().st_ino for path in made] == before


@pytest.mark.parametrize("built", ["agent", "agent-simulated"], indirect=True)
def test_the_agent_carries_neither_flask_nor_kubernetes(built: Built) -> None:
    there = {path.name for path in (built.root / "opt/libraries").iterdir()}
    assert not there & {"flask", "kubernetes", "prometheus_client", "requests", "redis"}
    assert {"pynvml.py", "h2"} <= there


@pytest.mark.parametrize(("built", "module"), PROCESSES, indirect=["built"])
def test_a_process_without_settings_says_so_in_one_line(built: Built, module: str) -> None:
    done = built.run("python3", "-m", module)
    # buildah adds lines of its own about the exit status.
    said = [x for x in done.stderr.splitlines() if not x.startswith(("subprocess", "Error: exit"))]
    assert done.returncode != 0
    assert len(said) == 1
    assert "is not set" in said[0]


@pytest.mark.parametrize("built", ["agent-simulated"], indirect=True)
def test_the_simulated_driver_loads(built: Built) -> None:
    code = "import ctypes; ctypes.CDLL('libnvidia-ml.so.1').nvmlInit_v2; print('loaded')"
    assert built.python(code) == "loaded\n"


@pytest.mark.parametrize("built", ["agent"], indirect=True)
def test_the_product_has_no_simulated_driver(built: Built) -> None:
    assert not (built.root / "opt/simulated").exists()
