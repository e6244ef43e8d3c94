"""A file that names clusters: every fault is told with its entry and line, before any is made."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from portal.cli.failure import CommandFailed
from portal.cli.join_file import Entry, entries, expiry, read

GOOD = """\
- name: east
  description: cellar
  labels: {region: eu, tier: "1"}
  expires: 7d
- name: west
  rebuilt: true
"""


def test_a_good_file_is_read_whole() -> None:
    assert entries("c.yaml", GOOD) == [
        Entry("c.yaml:1, entry 1", "east", "cellar", {"region": "eu", "tier": "1"}, 7 * 86400),
        Entry("c.yaml:5, entry 2", "west", rebuilt=True),
    ]


def test_a_file_of_windows_is_read_as_well() -> None:
    text = "\ufeff" + GOOD.replace("\n", "\r\n")
    given = SimpleNamespace(buffer=io.BytesIO(text.encode()))
    found = entries("c.yaml", read(Path("-"), given))
    assert [entry.name for entry in found] == ["east", "west"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a list of clusters"),
        ("name: east", "is not a list of clusters"),
        ("[]", "is not a list of clusters"),
        ("- name: [", "c.yaml:1 is not YAML"),
        ("- east", "c.yaml:1, entry 1: an entry is not a mapping"),
        ("- description: x", "c.yaml:1, entry 1: name is missing"),
        ("- name: east\n- name: East", "c.yaml:2, entry 2: name 'East' is not a valid name"),
        ("- name: 5", "c.yaml:1, entry 1: name must be text; put it in quotes"),
        ("- name: yes", "c.yaml:1, entry 1: name must be text"),
        ("- name: east\n\n- name: east", "c.yaml:3, entry 2: 'east' is the name of entry 1"),
        ("- name: east\n  name: west", "c.yaml:2, entry 1: 'name' is given twice"),
        ("- name: east\n  lables: {}", "c.yaml:2, entry 1: unknown key 'lables'; known: name"),
        ("- name: east\n  expires: 8d", "c.yaml:2, entry 1: expires must be between 1m and 7d"),
        ("- name: east\n  expires: soon", "c.yaml:2, entry 1: expires must be like 90s, 30m, 6h"),
        ("- name: east\n  expires: [1h]", "c.yaml:2, entry 1: expires must be text"),
        ("- name: east\n  rebuilt: maybe", "c.yaml:2, entry 1: rebuilt must be true or false"),
        ("- name: east\n  labels: [a]", "c.yaml:2, entry 1: labels is not a mapping"),
        ("- name: east\n  labels: {tier: 1}", "c.yaml:2, entry 1: label tier must be text"),
        ("- name: east\n  <<: {rebuilt: true}", "c.yaml:2, entry 1: a key must be text"),
        ("- name: !!python/name:os.system x", "c.yaml:1, entry 1: name must be text"),
        ("- name: e\n" * 501, "has 501 entries; at most 500"),
        ("[" * 5000, "is not YAML: it is nested too deeply"),
        ("- name: a\n- name: b\0", "c.yaml:2 is not YAML: it has the control character U+0000"),
        ("- name: a\n---\n- name: b", "c.yaml:2 is not YAML: another document begins"),
        ("- name: new", "c.yaml:1, entry 1: name 'new' is the address of a page"),
        (f"- name: a\n  description: {'x' * 501}", "c.yaml:2, entry 1: description has 501"),
        ('- name: a\n  description: "\\ud800"', "c.yaml:2, entry 1: description must be UTF-8"),
        ("- name: a\n  labels: {a b: c}", "c.yaml:2, entry 1: labels 'a b'='c' is not a Kub"),
        (
            "- name: a\n  labels: {a: b\u00e9b}",
            "entry 1: labels 'a'='b\u00e9b' is not a Kubernetes",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, says: str) -> None:
    with pytest.raises(CommandFailed) as refused:
        entries("c.yaml", text)
    assert says in str(refused.value)
    assert refused.value.exit_code == 2


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(CommandFailed) as refused:
        entries("c.yaml", "- name: East\n- name: ok\n- nam: x\n")
    lines = str(refused.value).splitlines()
    assert lines[0] == "nothing was made:"
    assert [line.split(":")[1] for line in lines[1:]] == ["1, entry 1", "3, entry 3"]


def test_a_file_that_is_too_large_or_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(CommandFailed, match="larger than 1 MiB"):
        read(file, None)
    file.write_bytes(b"#" + "\u00e9".encode() * 600_000)
    with pytest.raises(CommandFailed, match="larger than 1 MiB"):
        read(file, None)
    file.write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(CommandFailed, match="not UTF-8"):
        read(file, None)
    with pytest.raises(CommandFailed, match="cannot be read"):
        read(tmp_path / "none.yaml", None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1m", 60), ("90", 90), ("6h", 21600), ("7d", 604800)]
)
def test_a_time_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert expiry(text) == seconds
