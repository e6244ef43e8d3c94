"""JSON that is ambiguous, hostile or too large ends in a sentence, never in a 500."""

import gzip
import json
from typing import Any

import pytest
from flask import Flask
from neurox_web import SETTINGS, Web

from controllers.store.connection import connect
from portal.web import create_app

JSON = "application/json"


def send(web: Web, body: bytes, content_type: str = JSON, **headers: str) -> Any:
    return web.call("PUT", "/groups/g", data=body, content_type=content_type, headers=headers)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"[" * 100_000 + b"]" * 100_000, 400, "nested over 32"),
        (b'{"description":' + b'{"a":' * 40 + b"1" + b"}" * 41, 400, "nested over 32"),
        (b'{"description": NaN}', 400, "description: NaN is not a JSON number"),
        (b'{"description": [1, Infinity]}', 400, "description[1]: Infinity"),
        (b'{"description": -Infinity}', 400, "description: -Infinity"),
        (b'{"description": 1e400}', 400, "description: 1e400 is too large"),
        (b'{"description": "a", "description": "b"}', 400, "description: duplicate key"),
        (b'{"description": "a\\u0000b"}', 400, "description: text must hold neither NUL"),
        (b'{"description": "\\ud800"}', 400, "description: text must hold neither NUL"),
        (b'{"\\udfff": 1}', 400, "a key holds NUL"),
        (b'{"description": ' + b"9" * 5000 + b"}", 400, "an integer of 5000 digits"),
        (b'{"description": 9223372036854775808}', 400, "too large"),
        (b'{"description": "\xff"}', 400, "not UTF-8"),
        (b"{", 400, "line 1, column 2"),
        (b"", 400, "empty"),
        (b" \n", 400, "empty"),
        (b"[]", 422, "the body: a JSON object is expected"),
        (b"null", 422, "a JSON object is expected, not null"),
        (b'"x"', 422, 'not "x"'),
        (b'{"description": 5}', 422, "text is expected, not 5"),
        (b'{"desciption": "x"}', 422, "did you mean 'description'?"),
        (b'{"description": "' + b"x" * 501 + b'"}', 422, "at most 500"),
        (b'{"description": "' + b"x" * (1024 * 1024) + b'"}', 413, "the limit of 1024 KiB"),
        (b"\xef\xbb\xbf{}", 400, "not JSON"),
        (b"{} {}", 400, "line 1, column 4"),
    ],
)
def test_a_bad_body_is_answered_by_a_sentence(
    web: Web, body: bytes, status: int, says: str
) -> None:
    answer = send(web, body)
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem = json.loads(answer.data, parse_constant=pytest.fail)
    assert says in problem["detail"]
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert problem["instance"] == "/api/v1/groups/g"
    assert len(answer.data) < 2000
    assert "g" not in web.stores.groups.all()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_read(web: Web, content_type: str) -> None:
    assert send(web, b"{}", content_type).status_code == 415


def test_a_compressed_body_is_not_unpacked(web: Web) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    answer = send(web, bomb, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_brackets_in_text_are_no_depth(web: Web) -> None:
    body = json.dumps({"description": "[" * 100 + '\\"{'}).encode()
    assert send(web, body).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no/such", 404),
        ("GET", "/groups/none", 404),
        ("PATCH", "/groups/g", 405),
        ("TRACE", "/groups", 405),
        ("POST", "/groups", 405),
        ("GET", "/groups/", 404),
    ],
)
def test_every_error_is_a_problem_document(web: Web, method: str, path: str, status: int) -> None:
    answer = web.call(method, path)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == status  # type: ignore[index]
    if status == 405:
        assert "Allow" in answer.headers


def test_a_dead_store_is_503_and_says_when_to_try_again(web: Web) -> None:
    web.app = create_app(SETTINGS, connect("redis://127.0.0.1:1/0"), Flask("pages"))
    answer = web.get("/clusters")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert "Redis" in answer.json["detail"]  # type: ignore[index]
    assert web.get("/readyz", user=None).status_code == 503
    assert web.get("/healthz", user=None).status_code == 200
    # Whoever restarted it would not mend Redis.
    assert web.client().get("/auth/readyz").status_code == 503
    assert web.client().get("/auth/healthz").status_code == 200


@pytest.mark.parametrize("value", ["NaN", "9" * 30, '"\\u0000"'])
def test_the_field_that_holds_what_no_body_may_hold_is_named(web: Web, value: str) -> None:
    body = f'{{"description": {value}}}'.encode()
    (error,) = send(web, body).json["errors"]
    assert (error["in"], error["field"]) == ("body", "description")
