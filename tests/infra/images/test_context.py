"""What is laid out, with the real pip and the real index."""

import os
from pathlib import Path

import pytest

from infra.images import context
from infra.images.catalogue import IMAGES, platform_named
from infra.images.order import Order
from infra.tools.cache import Cache
from infra.tools.workshop import Workshop

pytestmark = pytest.mark.node


@pytest.fixture
def order(tmp_path: Path) -> Order:
    order = Order(platform_named("linux/arm64"), "localhost/neurox-test", "test", root=tmp_path)
    order.context.mkdir(parents=True)
    return order


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(Cache(tmp_path / "cache"), os.environ)


def test_another_architecture_gets_its_own_wheels(order: Order, shop: Workshop) -> None:
    context.libraries(IMAGES["relay"], order, shop, lambda _: None)
    compiled = list((order.context / "libraries/relay").rglob("*.so"))
    # Bytes 18 and 19 of an ELF file name the machine: 183 is AArch64.
    assert {path.read_bytes()[18:20] for path in compiled} == {b"\xb7\x00"}


def test_libraries_are_kept_while_the_lock_stays(order: Order, shop: Workshop) -> None:
    context.libraries(IMAGES["agent"], order, shop, lambda _: None)
    there = order.context / "libraries/agent"
    first = there.stat().st_ino
    context.libraries(IMAGES["agent"], order, shop, lambda _: None)
    assert there.stat().st_ino == first
    assert not (there / "bin").exists()


def test_our_wheel_holds_our_packages_and_no_trace_of_this_machine(
    order: Order, shop: Workshop
) -> None:
    for name in (*context.SOURCES, "charts"):
        (order.root / name).symlink_to(context.HERE.parents[1] / name)
    context.neurox(order, shop, lambda _: None)
    made = order.context / "neurox"
    there = {path.name for path in made.iterdir()}
    assert {"agent", "controllers", "infra", "portal", "BUILD"} <= there
    assert not there & {"tests", "bin"}
    assert not list(made.rglob("direct_url.json"))
