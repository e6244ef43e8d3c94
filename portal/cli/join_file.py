"""A file that names many clusters to be joined: read strictly, each fault with entry and line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from controllers.domain.errors import Refused
from portal.cli.failure import USAGE, CommandFailed
from portal.cli.text import seconds
from portal.records import (
    LONGEST,
    SHORTEST,
    check_cluster_labels,
    require_description,
    require_name,
)

ENTRIES_MOST = 500
BYTES_MOST = 1024 * 1024
FIELDS = ("name", "description", "labels", "expires", "rebuilt")
TEXT, NUMBER, TRUTH = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "bool"))


class EntryError(Exception):
    """One thing that is wrong with an entry; ``line`` counts from 1."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


@dataclass(frozen=True)
class Entry:
    """One cluster to be joined."""

    where: str
    """FILE:LINE, entry N."""
    name: str
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    expires: int = 3600
    rebuilt: bool = False


def expiry(text: str) -> int:
    """How long a token is good, like 30m, 6h or 7d, in seconds; ValueError names the limit."""
    found = seconds("expires", text)
    if not SHORTEST <= found <= LONGEST:
        raise ValueError(f"expires must be between 1m and 7d, not {text!r:.40}")
    return found


def entries(file: str, text: str) -> list[Entry]:
    """The clusters of the file. CommandFailed names every fault, and then nothing is made."""
    found, faults = [], []
    seen: dict[str, int] = {}
    for number, node in enumerate(_nodes(file, text), 1):
        line = node.start_mark.line + 1
        try:
            entry = _entry(f"{file}:{line}, entry {number}", node)
            if entry.name in seen:
                raise EntryError(line, f"{entry.name!r} is the name of entry {seen[entry.name]}")
        except EntryError as fault:
            faults.append(f"  {file}:{fault.line}, entry {number}: {fault}")
        else:
            seen[entry.name] = number
            found.append(entry)
    if faults:
        raise CommandFailed("\n".join(["nothing was made:", *faults]), USAGE)
    return found


def read(file: Path, standard_input: Any) -> str:
    """The text of the file, or of standard input for ``-``."""
    try:
        raw = standard_input.buffer.read(BYTES_MOST + 1) if str(file) == "-" else _bytes(file)
    except OSError as failure:
        raise CommandFailed(f"{file} cannot be read: {failure.strerror}", USAGE) from None
    if len(raw) > BYTES_MOST:
        raise CommandFailed(f"{file} is larger than {BYTES_MOST >> 20} MiB; split it", USAGE)
    try:
        return bytes(raw).decode("utf-8-sig")
    except UnicodeError:
        raise CommandFailed(f"{file} is not UTF-8; save it as that", USAGE) from None


def _bytes(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(BYTES_MOST + 1)


def _nodes(file: str, text: str) -> list[yaml.Node]:
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as failure:
        line, words = _why(failure, text)
        at = f":{line}" if line else ""
        raise CommandFailed(f"{file}{at} is not YAML: {words}", USAGE) from None
    if not isinstance(root, yaml.SequenceNode) or not root.value:
        raise CommandFailed(
            f"{file} is not a list of clusters; begin each entry with `- name: NAME`", USAGE
        )
    if len(root.value) > ENTRIES_MOST:
        found = len(root.value)
        raise CommandFailed(
            f"{file} has {found} entries; at most {ENTRIES_MOST} are taken, split it", USAGE
        )
    nodes: list[yaml.Node] = root.value
    return nodes


def _why(failure: Exception, text: str) -> tuple[int | None, str]:
    """The line, where it is known, and what is wrong."""
    if isinstance(failure, yaml.reader.ReaderError):
        at = failure.position
        return text.count("\n", 0, at) + 1, f"it has the control character U+{ord(text[at]):04X}"
    if not isinstance(failure, yaml.MarkedYAMLError):
        return None, "it is nested too deeply"
    line = failure.problem_mark.line + 1 if failure.problem_mark else None
    if failure.problem == "but found another document":
        return line, "another document begins; put all clusters into one list, without `---`"
    return line, failure.problem or "it cannot be read"


def _entry(where: str, node: yaml.Node) -> Entry:
    given = dict(_pairs(node, "an entry"))
    for key, value in given.items():
        if key not in FIELDS:
            known = ", ".join(FIELDS)
            raise EntryError(_line(value), f"unknown key {key!r:.40}; known: {known}")
    if "name" not in given:
        raise EntryError(_line(node), "name is missing")
    with _at(given["name"]):
        name = require_name(_scalar(given["name"], "name", TEXT))
    return Entry(where, name, **dict(_others(given)))


@contextmanager
def _at(node: yaml.Node) -> Iterator[None]:
    """What the control plane would refuse is told with its line."""
    try:
        yield
    except Refused as refusal:
        raise EntryError(_line(node), str(refusal)) from None


def _others(given: dict[str, yaml.Node]) -> Iterator[tuple[str, Any]]:
    if "description" in given:
        with _at(given["description"]):
            text = require_description(_scalar(given["description"], "description", TEXT))
        yield "description", text
    if "labels" in given:
        pairs = _pairs(given["labels"], "labels")
        labels = {key: _scalar(value, f"label {key}", TEXT) for key, value in pairs}
        with _at(given["labels"]):
            check_cluster_labels(labels)
        yield "labels", labels
    if "rebuilt" in given:
        yield (
            "rebuilt",
            _scalar(given["rebuilt"], "rebuilt", TRUTH).lower() in ("true", "yes", "on"),
        )
    if "expires" in given:
        text = _scalar(given["expires"], "expires", TEXT, NUMBER)
        try:
            yield "expires", expiry(text)
        except ValueError as fault:
            raise EntryError(_line(given["expires"]), str(fault)) from None


def _pairs(node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node]]:
    """The keys of a mapping, each once, without building anything that could grow."""
    if not isinstance(node, yaml.MappingNode):
        raise EntryError(_line(node), f"{what} is not a mapping of KEY: VALUE")
    seen = set()
    for key, value in node.value:
        name = _scalar(key, "a key", TEXT)
        if name in seen:
            raise EntryError(_line(key), f"{name!r:.40} is given twice")
        seen.add(name)
        yield name, value


def _scalar(node: yaml.Node, what: str, *tags: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag not in tags:
        wanted = "true or false" if tags == (TRUTH,) else "text; put it in quotes"
        raise EntryError(_line(node), f"{what} must be {wanted}")
    return str(node.value)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
