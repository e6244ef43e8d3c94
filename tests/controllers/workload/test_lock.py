"""The second lock: who reaches the manager's port has no use of it without the hub's key."""

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from controllers.relay.identity import CONNECT, PrivateKey
from controllers.relay.seal import MANAGER, Asked
from controllers.workload.kube import KubeApi
from tests.controllers.workload.conftest import CLUSTER_ID, HUB_KEY, trust
from tests.controllers.workload.sealing import STATE, sealed, send, told

POLICY = Asked("PUT", "/v1/policy", b'{"revision": "locked"}')
STORED = "/api/v1/namespaces/neurox-system/configmaps/neurox-policy"
STRANGER = PrivateKey.generate()


def spliced(life: str, asked: Asked, other: Asked) -> str:
    """The claims of the one with the signature of the other."""
    head, _, signature = sealed(life, other).split(".")
    return f"{head}.{sealed(life, asked).split('.')[1]}.{signature}"


def unsigned(life: str, asked: Asked) -> str:
    head = base64.urlsafe_b64encode(
        json.dumps({"alg": "none", "typ": "JWT", "kid": HUB_KEY.kid}).encode()
    )
    return f"{head.decode().rstrip('=')}.{sealed(life, asked).split('.')[1]}."


HOSTILE: dict[str, tuple[Callable[[str], str | None], str, str]] = {
    "no token": (lambda _: None, "absent", "there is no token"),
    "an empty one": (lambda _: "", "absent", "there is no token"),
    "one that is too long": (lambda _: "x" * 3000, "absent", "there is no token"),
    "garbage": (lambda _: "a.b.c", "bad", "cannot be read"),
    "no signature": (lambda life: unsigned(life, POLICY), "bad", "signature or claims"),
    "the signature of another token": (
        lambda life: spliced(life, POLICY, STATE),
        "bad",
        "signature or claims",
    ),
    "another key": (lambda life: sealed(life, POLICY, STRANGER), "unknown_key", "does not know"),
    "expired": (lambda life: sealed(life, POLICY, at=-200), "expired", "check the clocks"),
    "from the future": (lambda life: sealed(life, POLICY, at=200), "early", "check the clocks"),
    "another cluster": (
        lambda life: sealed(life, POLICY, cluster="c-2"),
        "cluster",
        "another cluster",
    ),
    "another method": (
        lambda life: sealed(life, Asked("POST", POLICY.target, POLICY.body)),
        "method",
        "another method",
    ),
    "another path": (
        lambda life: sealed(life, Asked("PUT", "/v1/workloads", POLICY.body)),
        "path",
        "another path",
    ),
    "another query": (
        lambda life: sealed(life, Asked("PUT", "/v1/policy?x=1", POLICY.body)),
        "path",
        "another path",
    ),
    "another body": (
        lambda life: sealed(life, Asked("PUT", POLICY.target, b"{}")),
        "body",
        "another body",
    ),
    "no body": (lambda life: sealed(life, Asked("PUT", POLICY.target)), "body", "another body"),
    "the audience of a link": (
        lambda _: HUB_KEY.token(CLUSTER_ID, CONNECT, time.time(), POLICY.claims()),
        "bad",
        "signature or claims",
    ),
    "nothing of a request": (
        lambda _: HUB_KEY.token(CLUSTER_ID, MANAGER, time.time()),
        "method",
        "another method",
    ),
    "another life": (lambda _: sealed("", POLICY), "life", "not for this process"),
}


def refusals(manager: Any, reason: str) -> float:
    row = f'neurox_manager_requests_refused_total{{reason="{reason}"}} '
    text = requests.get(manager.url + "/metrics", timeout=10).text
    return sum(float(line.removeprefix(row)) for line in text.splitlines() if line.startswith(row))


@pytest.mark.slow
@pytest.mark.parametrize("case", HOSTILE)
def test_what_the_control_plane_did_not_sign_for_this_request_is_refused(
    shared: Any, admin: KubeApi, case: str
) -> None:
    token, reason, words = HOSTILE[case]
    made = token(shared.life)
    before = refusals(shared, reason)
    answer = send(shared, POLICY, made)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert words in answer.json()["detail"]
    assert refusals(shared, reason) == before + 1
    assert b"locked" not in admin.get(STORED)


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [
        STATE,
        POLICY,
        Asked("POST", "/v1/workloads", b"{}"),
        Asked("DELETE", "/v1/workloads/a"),
        Asked("GET", "/v1/nothing"),
        Asked("POST", "/healthz"),
    ],
)
def test_every_route_is_locked(shared: Any, asked: Asked) -> None:
    assert send(shared, asked, None).status_code == 401
    assert send(shared, asked, sealed(shared.life, asked)).status_code != 401


@pytest.mark.slow
def test_health_and_metrics_are_open(shared: Any) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert requests.get(shared.url + path, timeout=10).status_code == 200


@pytest.mark.slow
def test_a_token_is_good_once(shared: Any) -> None:
    token = sealed(shared.life)
    assert send(shared, STATE, token).status_code == 200
    again = send(shared, STATE, token)
    assert (again.status_code, again.json()["detail"]) == (401, "the token was used before")
    assert send(shared, STATE, sealed(shared.life), scheme="bearer").status_code == 200
    assert send(shared, STATE, sealed(shared.life), scheme="Basic").status_code == 401


@pytest.mark.slow
@pytest.mark.parametrize("target", ["/v1/state?epoch=%C3%A9&since=0", "/v1/state?epoch=a+b&wait=0"])
def test_a_path_is_signed_as_it_is_sent(shared: Any, target: str) -> None:
    assert shared.call("GET", target).status_code == 200


@pytest.fixture
def rekeyed(
    admin: KubeApi, shared: Any, eventually: Callable[..., None]
) -> Iterator[Callable[..., None]]:
    """What the relay-client writes; the hub's own key is back afterwards."""
    yield lambda keys, cluster_id=CLUSTER_ID: trust(admin, cluster_id, keys)
    trust(admin, CLUSTER_ID, [{"public": HUB_KEY.public}])
    eventually("it is read", lambda: send(shared, STATE, sealed(shared.life)).ok, 5)


@pytest.mark.slow
def test_a_key_that_the_cluster_has_just_learned_is_good_at_once(
    shared: Any, rekeyed: Callable[..., None], eventually: Callable[..., None]
) -> None:
    newer = PrivateKey.generate()
    rekeyed([{"public": HUB_KEY.public, "until": time.time() + 60}, {"public": newer.public}])
    eventually("the new key", lambda: send(shared, STATE, sealed(shared.life, key=newer)).ok, 5)
    assert send(shared, STATE, sealed(shared.life)).ok


@pytest.mark.slow
def test_a_cluster_that_joined_under_another_record_is_known_by_that_at_once(
    shared: Any, rekeyed: Callable[..., None], eventually: Callable[..., None]
) -> None:
    rekeyed([{"public": HUB_KEY.public}], "c-2")
    eventually("the new id", lambda: send(shared, STATE, sealed(shared.life, cluster="c-2")).ok, 5)
    assert told(shared, sealed(shared.life)) == "the token is for another cluster"


@pytest.mark.slow
def test_without_a_key_nothing_is_done_and_the_reason_is_told(
    shared: Any, rekeyed: Callable[..., None], eventually: Callable[..., None]
) -> None:
    rekeyed([], "")
    eventually(
        "it is read",
        lambda: "no key" in told(shared, sealed(shared.life, key=PrivateKey.generate())),
        5,
    )
    assert send(shared, STATE, sealed(shared.life)).status_code == 401
    assert "no key of its control plane yet" in told(shared, sealed(shared.life))
    assert "upgrade that first" in told(shared, sealed(shared.life))


@pytest.mark.slow
def test_a_former_key_ends_with_its_overlap(
    shared: Any, rekeyed: Callable[..., None], eventually: Callable[..., None]
) -> None:
    newer = PrivateKey.generate()
    rekeyed([{"public": HUB_KEY.public, "until": time.time() - 1}, {"public": newer.public}])
    eventually("the new key", lambda: send(shared, STATE, sealed(shared.life, key=newer)).ok, 5)
    assert "does not know" in told(shared, sealed(shared.life))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["/healthz/../v1/state", "//v1/state", "http://x/v1/state"])
def test_no_spelling_of_a_path_leads_past_the_lock(shared: Any, target: str) -> None:
    where = urlsplit(shared.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")
