import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
    broken = 'nonsense\n{} 3\na{b="c} 1\na b\na12\nHello there 1\n'
    assert list(parse(f'a{{pod=""}} 1\n{broken}')) == [Sample("a", {})]


def test_a_line_ends_at_a_line_feed_and_nowhere_else() -> None:
    text = "one\u2028two\x85three\x0cfour"
    assert list(parse(f'a{{b="{text}"}} 1\r\nc 2')) == [Sample("a", {"b": text}), Sample("c", {})]


OPEN_METRICS = """# TYPE a counter
a_total{b="c"} 1.0 # {trace_id="x"} 0.5 1.7e9
a_created{b="c"} 1.7e+09 1.7e9
# EOF
"""
HTML = b"<!doctype html>\n<html>\n<title>Sign in</title>\n<p>Hello there\n</html>\n"
ANSWERS: Mapping[str, tuple[int, bytes]] = {
    "/metrics": (200, TEXT.encode()),
    "/open": (200, OPEN_METRICS.encode()),
    "/latin": (200, b'a{b="\xe9"} 1\n'),
    "/empty": (200, b""),
    "/html": (200, HTML),
    "/sign-in": (403, HTML),
    "/bell": (500, b"\x07\x1b[31m"),
    "/nope": (503, b"not yet\n"),
}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow/headers":
            self._dribble(b"HTTP/1.0 200 OK\r\n" + b"a: b\r\n" * 50)
            return
        status, body = ANSWERS.get(self.path, (200, b""))
        self.send_response(status)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)
            if self.path == "/slow":
                self._dribble(b"a 1\n" * 100)
            while self.path == "/endless":
                self.wfile.write(b"a 1\n" * 10_000)

    def _dribble(self, said: bytes) -> None:
        for byte in said:
            self.wfile.write(bytes((byte,)))
            threading.Event().wait(0.05)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


@pytest.mark.parametrize("path", ["/slow", "/slow/headers"])
def test_an_exporter_that_dribbles_is_given_up(
    url: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrape, "TIMEOUT_SECONDS", 0.3)
    began = time.monotonic()
    with pytest.raises(ScrapeFailed, match=r"does not answer: not done after 0\.3 s"):
        samples(url + path)
    assert time.monotonic() - began < 5, "all of it takes 20 s"


def test_a_page_is_fetched(url: str) -> None:
    assert len(samples(f"{url}/metrics")) == 4


def test_a_page_without_an_end_is_given_up(url: str) -> None:
    with pytest.raises(ScrapeFailed, match="/endless is larger than 16 MiB"):
        samples(f"{url}/endless")


def test_a_page_of_open_metrics_is_read_with_its_exemplars(url: str) -> None:
    labels = {"b": "c"}
    assert samples(f"{url}/open") == [Sample("a_total", labels), Sample("a_created", labels)]


def test_bytes_that_are_no_utf_8_are_marked(url: str) -> None:
    assert samples(f"{url}/latin") == [Sample("a", {"b": "\ufffd"})]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/empty", "has no series: is it an exporter's page"),
        ("/html", "has no series: is it an exporter's page"),
        ("/sign-in", "answers 403: <!doctype html> <html> <title>"),
        ("/nope", "answers 503: not yet"),
        ("/bell", r"answers 500: \\x07\\x1b\[31m$"),
    ],
)
def test_a_url_that_is_no_exporters_is_named(url: str, path: str, said: str) -> None:
    with pytest.raises(ScrapeFailed, match=rf"127.0.0.1:\d+{path} {said}"):
        samples(url + path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("file:///etc/passwd", "must begin with http"),
        ("http:///metrics", "and the name of a host"),
        ("http://127.0.0.1:1/metrics", "Connection refused"),
        ("http://127.0.0.1:65536/metrics", "is no URL: Port out of range"),
        ("http://127.0.0.1:http/metrics", "is no URL: Port could not be cast"),
        ("http://[::1", "is no URL: Invalid IPv6 URL"),
    ],
)
def test_a_url_that_leads_nowhere_is_named(wrong: str, said: str) -> None:
    with pytest.raises(ScrapeFailed, match=said):
        samples(wrong)


def test_a_proxy_of_the_environment_is_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert samples(f"{url}/metrics")
