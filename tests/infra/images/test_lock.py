"""The locks follow setup.cfg and constraints.txt; `make lock` writes them anew."""

import configparser
import re
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.images.catalogue import IMAGES
from infra.images.context import requirements
from infra.images.order import ROOT

LOCKED = list(IMAGES.values())
IN_THE_IMAGE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
}


def pins(text: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s\\]+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def needs(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:  # of the image's Python, and not of this one
        return []


def closure(extra: str) -> set[str]:
    """What an extra of setup.cfg brings, by the metadata of what is installed here."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    extras, found = parser["options.extras_require"], set()
    waiting = [Requirement(line) for line in extras[extra].split("\n") if line]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name == "neurox":
            lines = [line for one in wanted.extras for line in extras[one].split("\n") if line]
            waiting += [Requirement(line) for line in lines]
            continue
        if (name, *sorted(wanted.extras)) in found:
            continue
        found.add((name, *sorted(wanted.extras)))
        for line in needs(wanted.name):
            needed = Requirement(line)
            for one in wanted.extras or {""}:
                environment = IN_THE_IMAGE | {"extra": one}
                if needed.marker is None or needed.marker.evaluate(environment):
                    waiting.append(needed)
    return {entry[0] for entry in found}


@pytest.mark.parametrize("image", LOCKED, ids=lambda image: image.name)
def test_a_lock_holds_exactly_what_its_extra_brings(image) -> None:
    assert pins(requirements(image).read_text()).keys() == closure(image.name), "run `make lock`"


@pytest.mark.parametrize("image", LOCKED, ids=lambda image: image.name)
def test_a_lock_pins_what_constraints_txt_pins(image) -> None:
    allowed = pins((ROOT / "constraints.txt").read_text())
    locked = pins(requirements(image).read_text())
    assert {name: allowed.get(name) for name in locked} == locked, "run `make lock`"


@pytest.mark.parametrize("image", LOCKED, ids=lambda image: image.name)
def test_every_pin_has_a_hash(image) -> None:
    text = requirements(image).read_text()
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins(text)) > 0
    assert [block for block in blocks if not re.search(r"--hash=sha256:[0-9a-f]{64}", block)] == []


def test_the_agent_brings_neither_flask_nor_kubernetes() -> None:
    agent = requirements(IMAGES["agent"]).read_text()
    assert not {"flask", "kubernetes", "requests"} & pins(agent).keys()
