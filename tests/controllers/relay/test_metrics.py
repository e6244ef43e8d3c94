"""Metrics: a cluster writes as itself, and as nobody else."""

import gzip
import ssl
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import requests

from controllers.relay import join
from controllers.relay.identity import CONNECT, WRITE, PrivateKey
from controllers.relay.limits import WRITE_BYTES
from tests.controllers.relay.raw import head_of, tls


@pytest.fixture(scope="module")
def member(hub: Any) -> tuple[str, PrivateKey]:
    """A cluster id and the key that has joined for it."""
    cluster_id, key = hub.record("writer"), PrivateKey.generate()
    token = join.issue(hub.redis, cluster_id, 60).token
    body = {"token": token, "public_key": key.public, "cluster_uid": "u", "version": ""}
    answer = requests.post(hub.url + "/relay/v1/join", json=body, timeout=5, verify=hub.ca)
    assert answer.status_code == 200
    return cluster_id, key


def write(hub: Any, token: str, **headers: str) -> requests.Response:
    """A remote write by hand."""
    sent = {"authorization": f"Bearer {token}", "content-encoding": "snappy", **headers}
    return requests.post(
        hub.url + "/relay/v1/write", data=b"samples", headers=sent, timeout=10, verify=hub.ca
    )


def test_what_prometheus_writes_arrives_under_the_clusters_own_tenant(hub: Any, site: Any) -> None:
    body = b"\x00samples" * 50_000
    headers = {"THANOS-TENANT": "somebody-else", "content-encoding": "snappy", "x-odd": "1"}
    assert site.write(body, **headers).status_code == 200
    seen, arrived = hub.receive.seen[-1]
    lower = {name.lower(): value for name, value in seen.items()}
    assert arrived == body
    assert lower["thanos-tenant"] == site.cluster_id
    assert lower["content-encoding"] == "snappy"
    assert "x-odd" not in lower
    assert "authorization" not in lower


@pytest.mark.parametrize(
    "header",
    [
        "THANOS-TENANT",
        "thanos-tenant",
        "Thanos-Tenant",
        "THANOS_TENANT",
        "X-Scope-OrgID",
        "X-Forwarded-For",
        "Forwarded",
        "Connection",
    ],
)
def test_a_foreign_tenant_header_is_dropped(hub: Any, member: Any, header: str) -> None:
    cluster_id, key = member
    token = key.token(cluster_id, WRITE, time.time())
    assert write(hub, token, **{header: "victim"}).status_code == 200
    seen, _ = hub.receive.seen[-1]
    assert [v for name, v in seen.items() if name.lower() == "thanos-tenant"] == [cluster_id]
    assert "victim" not in seen.values()


def raw_write(hub: Any, token: str, length: int, *headers: str) -> ssl.SSLSocket:
    """A write by hand whose body is still to come."""
    sock = tls(hub)
    lines = [
        "POST /relay/v1/write HTTP/1.1",
        "host: hub",
        f"authorization: Bearer {token}",
        f"content-length: {length}",
        *headers,
    ]
    sock.sendall("\r\n".join((*lines, "", "")).encode())
    return sock


@pytest.mark.parametrize(
    "headers",
    [
        ("THANOS-TENANT: victim", "THANOS-TENANT: victim"),
        ("x-a: b\r\n\tTHANOS-TENANT: victim",),
        ("connection: keep-alive, thanos-tenant", "thanos-tenant: victim"),
        ("thanos-tenant : victim",),
        ("thanos-tenant:\tvictim",),
    ],
)
def test_no_spelling_of_a_tenant_arrives(hub: Any, member: Any, headers: tuple[str, ...]) -> None:
    cluster_id, key = member
    before = len(hub.receive.seen)
    with raw_write(hub, key.token(cluster_id, WRITE, time.time()), 1, *headers) as sock:
        sock.sendall(b"x")
        assert head_of(sock)[9:12] in ("200", "400")
    for seen, _ in hub.receive.seen[before:]:
        assert "victim" not in str(seen)
        assert [v for name, v in seen.items() if name.lower() == "thanos-tenant"] == [cluster_id]


def test_what_is_packed_stays_packed(hub: Any, member: Any) -> None:
    cluster_id, key = member
    bomb = gzip.compress(b"x" * 100_000_000)
    token = key.token(cluster_id, WRITE, time.time())
    headers = {"authorization": f"Bearer {token}", "content-encoding": "gzip"}
    url = hub.url + "/relay/v1/write"
    assert requests.post(url, data=bomb, headers=headers, timeout=10, verify=hub.ca).ok
    seen, arrived = hub.receive.seen[-1]
    assert arrived == bomb
    assert {name.lower(): value for name, value in seen.items()}["content-encoding"] == "gzip"


def test_slow_writes_of_one_cluster_take_eight_places_of_its_own(
    hub: Any, member: Any, site: Any
) -> None:
    cluster_id, key = member
    with ThreadPoolExecutor(9) as threads, ExitStack() as stack:
        slow = []
        for _ in range(9):
            token = key.token(cluster_id, WRITE, time.time())
            slow.append(stack.enter_context(raw_write(hub, token, 10)))
        answers = [threads.submit(head_of, sock) for sock in slow]
        # Whichever comes last is refused; the others wait for their bodies.
        first, _ = wait(answers, 10, FIRST_COMPLETED)
        assert [answer.result()[9:12] for answer in first] == ["503"]
        assert site.write(b"x").status_code == 200
        for sock in slow:
            with suppress(OSError):  # the refused one is closed
                sock.sendall(b"x" * 10)
        assert sorted(answer.result(10)[9:12] for answer in answers) == ["200"] * 8 + ["503"]
    deadline = time.monotonic() + 10
    while write(hub, key.token(cluster_id, WRITE, time.time())).status_code != 200:
        assert time.monotonic() < deadline, "the places were not given back"


def test_a_write_that_is_cut_is_never_taken_for_a_whole_one(hub: Any, member: Any) -> None:
    cluster_id, key = member
    before = len(hub.receive.seen)
    with raw_write(hub, key.token(cluster_id, WRITE, time.time()), 1000) as sock:
        sock.sendall(b"x" * 999)
    assert write(hub, key.token(cluster_id, WRITE, time.time())).status_code == 200
    assert [body for _, body in hub.receive.seen[before:] if len(body) > 999 or not body] == []
    assert hub.receive.seen[-1][1] == b"samples"


def test_a_token_is_good_once(hub: Any, member: Any) -> None:
    cluster_id, key = member
    token = key.token(cluster_id, WRITE, time.time())
    assert write(hub, token).status_code == 200
    again = write(hub, token)
    assert again.status_code == 401
    assert again.json()["detail"] == "the token was used before"


def test_a_token_that_is_wrong_in_any_way_is_refused(hub: Any, member: Any) -> None:
    cluster_id, key = member
    now = time.time()
    good = key.token(cluster_id, WRITE, now)
    wrong = {
        "expired": key.token(cluster_id, WRITE, now - 300),
        "of the future": key.token(cluster_id, WRITE, now + 300),
        "for a link": key.token(cluster_id, CONNECT, now),
        "by another key": PrivateKey.generate().token(cluster_id, WRITE, now),
        "changed": good[:-8] + ("AAAAAAAA" if good[-8:] != "AAAAAAAA" else "BBBBBBBB"),
        "missing": "",
        "garbage": "a.b.c",
        "unsigned": "eyJhbGciOiJub25lIiwia2lkIjoiYSJ9." + good.split(".")[1] + ".",
    }
    before = len(hub.receive.seen)
    assert {name: write(hub, token).status_code for name, token in wrong.items()} == dict.fromkeys(
        wrong, 401
    )
    assert write(hub, key.token("no-such-cluster", WRITE, now)).status_code == 403
    assert len(hub.receive.seen) == before


def test_a_clock_two_minutes_off_is_tolerated(hub: Any, member: Any) -> None:
    cluster_id, key = member
    for skew in (-110, 110):
        assert write(hub, key.token(cluster_id, WRITE, time.time() + skew)).status_code == 200


def test_a_write_that_is_too_long_is_refused_before_it_is_sent(hub: Any, member: Any) -> None:
    cluster_id, key = member
    token = key.token(cluster_id, WRITE, time.time())
    context = ssl.create_default_context(cafile=hub.ca)
    http = HTTPSConnection("127.0.0.1", hub.port, timeout=5, context=context)
    http.putrequest("POST", "/relay/v1/write")
    http.putheader("authorization", f"Bearer {token}")
    http.putheader("content-length", str(WRITE_BYTES + 1))
    http.endheaders()
    answer = http.getresponse()
    http.close()
    assert answer.status == 413


def test_what_the_store_says_reaches_prometheus_and_nothing_of_the_relay_loses_samples(
    hub: Any, site: Any
) -> None:
    kept = dict.fromkeys((302, 405, 429, 503), 503)
    for store, prometheus in {400: 400, 409: 409, 500: 500, **kept, 200: 200}.items():
        hub.receive.state["status"] = store
        assert site.write(b"x").status_code == prometheus
    join.revoke(hub.redis, site.cluster_id)
    deadline = time.monotonic() + 10
    while site.write(b"x").status_code != 503:
        assert time.monotonic() < deadline


def test_a_cluster_that_has_not_joined_is_told_to_wait(
    new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    site = new_site()
    site.start()
    eventually("the client listens", site.is_listening)
    assert requests.get(f"http://127.0.0.1:{site.metrics}/readyz", timeout=5).status_code == 503
    answer = site.write(b"x")
    assert (answer.status_code, answer.json()["detail"]) == (503, "this cluster has not joined yet")


def test_another_store_gets_the_tenant_by_the_header_that_it_reads(hub: Any, member: Any) -> None:
    cluster_id, key = member
    hub.program.stop()
    hub.start(NEUROX_RELAY_TENANT_HEADER="X-Scope-OrgID")
    try:
        token = key.token(cluster_id, WRITE, time.time())
        victims = {"X-Scope-OrgID": "victim", "THANOS-TENANT": "victim"}
        assert write(hub, token, **victims).status_code == 200
        seen, _ = hub.receive.seen[-1]
        assert [v for name, v in seen.items() if name.lower() == "x-scope-orgid"] == [cluster_id]
        assert "victim" not in seen.values()
    finally:
        hub.program.stop()
        hub.start()


def without(url: str, **headers: str) -> requests.Response:
    return requests.post(f"{url}/api/v1/write", b"x", headers=headers, timeout=10)


@pytest.mark.parametrize(
    "shown", [None, "", "Bearer", "Bearer wrong", "Basic {}", "{}", "Bearer {}x"]
)
def test_who_has_not_the_write_token_writes_nothing(hub: Any, site: Any, shown: str | None) -> None:
    assert site.write(b"x").ok
    before, token = len(hub.receive.seen), site.kept("write_token")["token"]
    headers = {} if shown is None else {"authorization": shown.format(token)}
    answer = without(f"http://127.0.0.1:{site.metrics}", **headers)
    assert answer.status_code == 401
    assert "neurox-write-token" in answer.json()["detail"]
    assert token not in answer.text
    assert len(hub.receive.seen) == before


def test_another_relay_client_takes_the_token_that_is_there(
    hub: Any, site: Any, eventually: Callable[..., None]
) -> None:
    token = site.kept("write_token")["token"]
    site.program.stop()
    site.start()
    eventually("it is connected again", site.is_connected)
    assert site.kept("write_token")["token"] == token
    assert site.write(b"x").ok


def test_the_token_may_be_a_file(
    new_site: Callable[[], Any], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    site = new_site()
    (tmp_path / "token").write_text("by-a-file\n")
    site.start(NEUROX_RELAY_WRITE_TOKEN_FILE=str(tmp_path / "token"))
    url = f"http://127.0.0.1:{site.metrics}"
    eventually("the client listens", site.is_listening)
    answer = without(url, authorization="Bearer by-a-file")
    assert (answer.status_code, answer.json()["detail"]) == (503, "this cluster has not joined yet")
    assert without(url, authorization="Bearer other").status_code == 401
    assert "token" not in site.kept("write_token")
