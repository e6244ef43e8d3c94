"""Fills the digests of third-party images in a values file, and changes nothing else in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import yaml

from infra.images.errors import ImageError

_KEYS = {"repository", "tag", "digest"}


@dataclass(frozen=True)
class Pin:
    """A mapping of repository, tag and digest; ``start`` and ``end`` enclose the digest's text."""

    repository: str
    tag: str
    digest: str
    start: int
    end: int


def pin(file: Path, ask: Callable[[str, str], str], out: TextIO) -> int:
    """Look every tag up and write its digest; 1 when a registry did not tell one."""
    try:
        text = file.read_text()
    except OSError as error:
        raise ImageError(f"{file}: {error.strerror}.") from error
    pins, failures = find(text, str(file)), 0
    # From the end, so that what was found stays where it is.
    for one in sorted(pins, key=lambda found: -found.start):
        try:
            now = ask(one.repository, one.tag)
        except ImageError as refused:
            failures += 1
            out.write(f"kept     {refused}\n")
            continue
        out.write(
            f"{'same    ' if now == one.digest else 'pinned  '} {one.repository}:{one.tag} {now}\n"
        )
        text = f"{text[: one.start]}{_after_colon(text, one.start)}{now}{text[one.end :]}"
    file.write_text(text)
    if failures:
        out.write(
            f"{failures} of {len(pins)} digests were not told and stay as they are. Run this where "
            "the image registries can be reached; until then the images are known by tag alone.\n"
        )
    return 1 if failures else 0


def find(text: str, name: str) -> list[Pin]:
    """Every image with a tag. ImageError when there is none or the file is no YAML."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ImageError(f"{name} is no YAML: {error}") from error
    pins = [found for found in _pins(root) if found.tag] if root else []
    if pins:
        return pins
    raise ImageError(f"{name} holds no image with repository, tag and digest.")


def _pins(node: yaml.Node) -> Iterator[Pin]:
    if not isinstance(node, yaml.MappingNode):
        return
    values = {key.value: value for key, value in node.value}
    if values.keys() >= _KEYS:
        last = values["digest"]
        yield Pin(
            str(values["repository"].value),
            str(values["tag"].value),
            str(last.value),
            last.start_mark.index,
            last.end_mark.index,
        )
    for value in values.values():
        yield from _pins(value)


def _after_colon(text: str, start: int) -> str:
    # `digest:` with nothing after it has its empty value right behind the colon.
    return " " if text[start - 1] == ":" else ""
