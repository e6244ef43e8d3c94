"""No template holds what the content policy would block or what would let markup in."""

import re

import pytest

from portal.pages.templating import TEMPLATES

FORBIDDEN = {
    "an inline style": r"\sstyle\s*=",
    "a handler": r"\son[a-z]+\s*=",
    "an inline script": r"<script(?![^>]*\ssrc=)",
    "an inline style sheet": r"<style",
    "unescaped output": r"\|\s*safe\b|autoescape",
    "code in htmx": r"hx-on|js:|javascript:|hx-vals|every [^\"]*\[",
    "another origin": r"(src|href|action)=\"(https?:)?//",
}
FILES = sorted(TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(TEMPLATES)))
def test_a_template_holds_nothing_forbidden(file) -> None:  # type: ignore[no-untyped-def]
    text = file.read_text()
    for what, pattern in FORBIDDEN.items():
        assert not re.search(pattern, text), f"{what} in {file.name}"


def test_the_lint_would_see_what_it_forbids() -> None:
    samples = (
        '<p style="x">',
        '<p onclick="x">',
        "<script>x</script>",
        "<style>",
        "{{ x | safe }}",
        '<p hx-on:click="x">',
        '<a href="https://elsewhere">',
    )
    for sample, pattern in zip(samples, FORBIDDEN.values(), strict=True):
        assert re.search(pattern, sample), sample
