"""Heads of HTTP: limited, and read in one way only."""

from http import HTTPStatus

import pytest

from controllers.relay import head
from controllers.relay.head import HeadError
from controllers.relay.limits import HEAD_BYTES


def test_a_head_is_taken_off_the_front_when_it_is_all_there() -> None:
    received = bytearray(b"GET /x?token HTTP/1.1\r\nA: 1\r\n")
    assert head.split(received) is None
    received += b"\r\nrest"
    raw = head.split(received)
    assert raw is not None
    assert received == b"rest"
    parsed = head.request(raw)
    assert (parsed.method, parsed.path, parsed.headers) == ("GET", "/x", {"a": "1"})


def test_a_head_that_never_ends_is_refused() -> None:
    with pytest.raises(HeadError) as refused:
        head.split(bytearray(b"GET / HTTP/1.1\r\nA: " + b"x" * HEAD_BYTES))
    assert refused.value.status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET / HTTP/1.1\nA: 1\n\nGET /hidden HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"FETCH / HTTP/1.1\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read(raw: bytes) -> None:
    with pytest.raises(HeadError):
        head.request(raw)


def test_connect_names_its_authority() -> None:
    parsed = head.request(b"CONNECT manager.c.relay:443 HTTP/1.1\r\n\r\n")
    assert (parsed.method, parsed.target) == ("CONNECT", "manager.c.relay:443")


@pytest.mark.parametrize("value", ["5, 5", "-1", "+5", "5x", "0x5", "9" * 20])
def test_a_length_is_a_plain_number(value: str) -> None:
    parsed = head.RequestHead("POST", "/", {"content-length": value}, keep_alive=True)
    with pytest.raises(HeadError):
        parsed.length()


def test_a_chunked_body_is_refused() -> None:
    parsed = head.RequestHead("POST", "/", {"transfer-encoding": "chunked"}, keep_alive=True)
    with pytest.raises(HeadError) as refused:
        parsed.length()
    assert refused.value.status == HTTPStatus.LENGTH_REQUIRED


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", "close", False),
        ("1.1", "Upgrade", True),
        ("1.1", "keep-alive", True),
        ("1.0", "Upgrade", False),
        ("1.0", "keep-alive", True),
    ],
)
def test_who_asks_for_the_end_of_the_connection_gets_it(
    method: str, version: str, connection: str, kept: bool
) -> None:
    raw = f"{method} / HTTP/{version}\r\nhost: x\r\nconnection: {connection}\r\n\r\n"
    assert head.request(raw.encode()).keep_alive is kept
