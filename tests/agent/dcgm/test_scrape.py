import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.dcgm import scrape
from agent.dcgm.scrape import Sample, ScrapeFailed, parse, samples

TEXT = r"""# HELP a What it is.
# TYPE a gauge
a{gpu="0",UUID="GPU-1",pod=""} 1.5
a{path="c:\\new\n\"x\"",b="}, x=\"1\""} 2 1700000000000
a{b="",} NaN
plain 3
"""


def test_series_are_read_as_the_official_parser_reads_them() -> None:
    official = [
        (sample.name, {name: value for name, value in sample.labels.items() if value})
        for family in text_string_to_metric_families(TEXT)
        for sample in family.samples
    ]
    assert [(one.name, one.labels) for one in parse(TEXT)] == official


def test_an_empty_label_is_no_label_and_a_broken_line_no_series() -> None:
    assert list(parse('a{pod=""} 1\nnonsense\n{} 3\n')) == [Sample("a", {})]


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            self._dribble()
            return
        status, body = (200, TEXT) if self.path == "/metrics" else (503, "not yet\n")
        body = "" if self.path == "/empty" else body
        self.send_response(200 if self.path == "/empty" else status)
        self.end_headers()
        self.wfile.write(body.encode())

    def _dribble(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            for _ in range(100):
                self.wfile.write(b"a 1\n")
                time.sleep(0.05)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_an_exporter_that_dribbles_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(ScrapeFailed, match=r"does not answer: not done after 0\.3 s"):
        samples(f"{url}/slow")


def test_a_page_is_fetched(url: str) -> None:
    assert len(samples(f"{url}/metrics")) == 4


@pytest.mark.parametrize(
    ("path", "said"), [("/empty", "has no series"), ("/nope", "answers 503: not yet")]
)
def test_a_url_that_is_no_exporters_is_named(url: str, path: str, said: str) -> None:
    with pytest.raises(ScrapeFailed, match=rf"127.0.0.1:\d+{path} {said}"):
        samples(url + path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("file:///etc/passwd", "must begin with http"),
        ("http://127.0.0.1:1/metrics", "Connection refused"),
        ("http://[::1", "does not answer|must begin"),
    ],
)
def test_a_url_that_leads_nowhere_is_named(wrong: str, said: str) -> None:
    with pytest.raises(ScrapeFailed, match=said):
        samples(wrong)
