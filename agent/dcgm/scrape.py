"""Series out of another exporter's page; values are not looked at."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from agent.journal import plain
from agent.watchdog import Late, Watchdog

TIMEOUT_SECONDS = 10.0
"""As long as Prometheus waits for a scrape."""
PAGE_MOST_BYTES = 16 << 20
"""Of 16 GPUs with 7 instances each there are 3 MiB."""

_NUMBER = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf(?:inity)?|nan)"
_LABELS = r"\{((?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*)\}"
_SAMPLE = re.compile(
    # What follows a # is an exemplar, of OpenMetrics.
    rf"\s*([a-z_:][a-z0-9_:]*)(?:\s*{_LABELS}\s*|\s+){_NUMBER}(?:\s+{_NUMBER})?(?:\s+#.*)?\s*",
    re.ASCII | re.IGNORECASE,
)
_OPENER = build_opener(ProxyHandler({}))
"""An exporter is on this node, or in this cluster: no proxy leads there."""
_SAID_MOST_BYTES = 200
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


class ScrapeFailed(Exception):
    """There is no page; the message names the URL and why."""


@dataclass(frozen=True)
class Sample:
    """One series of a page. A label that is empty is as good as none, and left out."""

    name: str
    labels: Mapping[str, str]


def samples(url: str) -> list[Sample]:
    """All series at ``url``; ScrapeFailed when there is no such page."""
    found = list(parse(_page(url)))
    if not found:
        raise ScrapeFailed(f"{url} has no series: is it an exporter's page, and has it a GPU?")
    return found


def parse(text: str) -> Iterator[Sample]:
    """The series of a page in the Prometheus text format."""
    for line in text.split("\n"):  # and at no other character that Python breaks lines at
        if line and not line.startswith("#") and (found := _SAMPLE.fullmatch(line)):
            labels = {name: _unescaped(value) for name, value in _LABEL.findall(found[2] or "")}
            yield Sample(found[1], {name: value for name, value in labels.items() if value})


def _unescaped(value: str) -> str:
    return re.sub(r"\\[\\n\"]", lambda found: _ESCAPES[found[0]], value)


def _page(url: str) -> str:
    _check(url)
    watchdog = Watchdog()
    try:
        body = watchdog.ask(url, lambda: _body(url), TIMEOUT_SECONDS)
    except Late:
        # The socket's time-out ends neither one that dribbles nor a slow look-up of its name.
        raise ScrapeFailed(f"{url} does not answer: not done after {TIMEOUT_SECONDS:g} s") from None
    finally:
        watchdog.close()
    if len(body) > PAGE_MOST_BYTES:
        raise ScrapeFailed(f"{url} is larger than {PAGE_MOST_BYTES >> 20} MiB")
    return body.decode(errors="replace")


def _body(url: str) -> bytes:
    try:
        with _OPENER.open(url, timeout=TIMEOUT_SECONDS) as answer:
            body: bytes = answer.read(PAGE_MOST_BYTES + 1)
            return body
    except HTTPError as error:
        said = _line(error.read(_SAID_MOST_BYTES))
        raise ScrapeFailed(f"{url} answers {error.code}: {said or error.reason}") from error
    except URLError as error:
        raise ScrapeFailed(f"{url} does not answer: {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise ScrapeFailed(f"{url} does not answer: {error}") from error


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as error:
        raise ScrapeFailed(f"{url} is no URL: {error}") from error
    if not known:
        raise ScrapeFailed(f"{url} must begin with http:// or https:// and the name of a host")


def _line(said: bytes) -> str:
    """A stranger's words on one line."""
    return plain(" ".join(said.decode(errors="replace").split()))
