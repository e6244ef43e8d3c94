"""Neurox's templates for any of its apps: pages and sign-in look alike."""

from pathlib import Path
from typing import Any

from flask import Flask, request
from jinja2 import FileSystemLoader, StrictUndefined

from portal.pages import assets, headers, navigation
from portal.pages.formats import FILTERS
from portal.pages.marks import TONES, mark, node_kind, node_words
from portal.pages.query import PAGE_SIZES, RANGES, REFRESH_CHOICES
from portal.schemas import FRESH_SECONDS

TEMPLATES = Path(__file__).parents[1] / "templates"
THEMES = ("light", "dark")


def equip(app: Flask) -> None:
    """Give ``app`` the templates, what they call, and the headers that pages carry."""
    app.jinja_loader = FileSystemLoader(TEMPLATES)
    # A misspelt name in a template is an error, not an empty place on the page.
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(FILTERS, node_kind=node_kind, node_words=node_words)
    app.jinja_env.globals.update(
        asset=assets.url,
        fresh_seconds=FRESH_SECONDS,
        menu=navigation.MENU,
        mark=mark,
        tones=TONES,
        ranges=RANGES,
        refresh_choices=REFRESH_CHOICES,
        page_sizes=PAGE_SIZES,
    )
    app.context_processor(_theme)
    headers.protect(app)


def _theme() -> dict[str, Any]:
    """The theme of the cookie; empty leaves it to the browser's preference."""
    asked = request.cookies.get("theme", "")
    return {"theme": asked if asked in THEMES else ""}
