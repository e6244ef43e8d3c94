"""The commands that pages and documents tell people to type."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from portal.cli.main import app
from portal.pages.templating import TEMPLATES

ROOT = Path(__file__).parents[3]
ON_PAGES = re.compile(r'copyable\("[^"]+", "(neurox [^"]+)"\)')
IN_DOCUMENTS = re.compile(r"^\$ (neurox [^#\n]+)", re.MULTILINE)


def shown() -> list[str]:
    pages = "\n".join(file.read_text() for file in TEMPLATES.rglob("*.html"))
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    told = "\n".join(file.read_text() for file in documents)
    return sorted({*ON_PAGES.findall(pages), *IN_DOCUMENTS.findall(told)})


def parsed(text: str) -> dict[str, Any]:
    """The parameters that the command would get; an error when it cannot be typed so."""
    command: Any = get_command(app)
    words = shlex.split(text)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    with command.make_context(text, words) as context:
        return dict(context.params)


@pytest.mark.parametrize("text", shown())
def test_what_people_are_told_to_type_is_a_command(text: str) -> None:
    parsed(text)


def test_every_command_to_copy_names_what_it_makes() -> None:
    makers = [text for text in shown() if re.match(r"neurox (submit|cluster join) (?!-f)", text)]
    assert len(makers) >= 3
    for text in makers:
        assert parsed(text)["name"] in ("NAME", "hello", "east"), text
    joins = [parsed(text) for text in makers if "join" in text]
    assert all(any(map(join.get, ("context", "print_secret", "label"))) for join in joins)
