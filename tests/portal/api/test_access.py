"""Nobody gets anything without a checked session or token."""

import itertools

import pytest
from neurox_web import ORIGIN, SETTINGS, Web
from redis import Redis

from portal.api.app import create_app

OPEN = {"health.healthz", "health.readyz"}

HEADERS = (
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Original-URL",
    "X-Auth-Request-User",
    "X-Remote-User",
    "Remote-User",
    "Kubeflow-Userid",
    "Impersonate-User",
)
SPELLINGS = (
    str,
    str.lower,
    str.upper,
    lambda name: name.replace("-", "_"),
    lambda name: name.lower().replace("-", "_"),
    lambda name: name.swapcase(),
)


def test_every_route_refuses_who_is_not_signed_in(web: Web, redis: Redis) -> None:
    rules = [r for r in create_app(SETTINGS, redis).url_map.iter_rules() if r.endpoint not in OPEN]
    assert len(rules) > 35
    for rule in rules:
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<{name}>", "x")
        for method in sorted((rule.methods or set()) - {"HEAD"}):
            answer = web.call(method, path, user=None)
            assert answer.status_code == 401, (method, path)
            assert answer.content_type == "application/problem+json"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_unknown_route_tells_nothing_to_who_is_not_signed_in(web: Web) -> None:
    assert web.get("/no/such/thing", user=None).status_code == 401


@pytest.mark.parametrize("path", ["/me", "/workloads"])
def test_no_header_makes_anybody_somebody(web: Web, path: str) -> None:
    for header, spelling in itertools.product(HEADERS, SPELLINGS):
        sent = {spelling(header): "admin"}
        assert web.get(path, user=None, headers=sent).status_code == 401, sent


def test_no_header_makes_a_user_an_admin(web: Web) -> None:
    web.person("mia")
    for header in HEADERS:
        answer = web.get("/me", user="mia", headers={header: "admin"})
        assert answer.json == {"name": "mia", "groups": [], "admin": False}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nxu_",
        "Bearer nxu_" + "A" * 43,
        "Bearer nxu_" + "A" * 5000,
        "Basic YWRtaW46YWRtaW4=",
        "Bearer null",
    ],
)
def test_a_wrong_token_is_nobody(web: Web, value: str) -> None:
    assert web.get("/me", user=None, headers={"Authorization": value}).status_code == 401


def test_a_wrong_token_is_not_made_good_by_a_right_cookie(web: Web) -> None:
    client = web.client()
    body = {"name": "admin", "password": web.admin_password}
    client.post("/auth/sign-in", json=body, base_url=ORIGIN)
    wrong = {"Authorization": "Bearer nxu_" + "A" * 43}
    assert client.get("/api/v1/me", base_url=ORIGIN).status_code == 200
    assert client.get("/api/v1/me", headers=wrong, base_url=ORIGIN).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": ORIGIN}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": ORIGIN}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_a_cookie_changes_things_only_from_our_own_pages(
    web: Web, headers: dict[str, str], status: int
) -> None:
    client = web.client()
    body = {"name": "admin", "password": web.admin_password}
    client.post("/auth/sign-in", json=body, base_url=ORIGIN)
    answer = client.put("/api/v1/groups/g", json={}, headers=headers, base_url=ORIGIN)
    assert answer.status_code == status
    assert ("g" in web.stores.groups.all()) == (status == 200)


def test_a_method_override_is_not_heard(web: Web) -> None:
    web.put("/groups/g", {})
    for more in (
        {"headers": {"X-HTTP-Method-Override": "DELETE"}},
        {"query_string": {"_method": "DELETE"}},
    ):
        assert web.get("/groups/g", **more).status_code == 200
    assert "g" in web.stores.groups.all()


ADMIN_ONLY = [
    ("PUT", "/pools/p", {}),
    ("DELETE", "/pools/a", None),
    ("PUT", "/groups/g", {}),
    ("DELETE", "/groups/g", None),
    ("PUT", "/projects/p", {}),
    ("DELETE", "/projects/p", None),
    ("PUT", "/quotas/a/g", {"gpus": 1}),
    ("DELETE", "/quotas/a/g", None),
    ("POST", "/clusters", {"name": "west"}),
    ("DELETE", "/clusters/west", None),
    ("POST", "/clusters/west/join", None),
    ("GET", "/clusters/west/join", None),
    ("DELETE", "/clusters/west/join", None),
    ("GET", "/users", None),
    ("GET", "/users/admin", None),
    ("PUT", "/users/mia", {"admin": True}),
    ("DELETE", "/users/admin", None),
    ("POST", "/users/admin/tokens", {"name": "mine"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ADMIN_ONLY)
def test_what_admins_do_is_refused_to_others(
    web: Web, method: str, path: str, body: object
) -> None:
    web.person("mia")
    answer = web.call(method, path, "mia", json=body)
    assert answer.status_code == 403
    assert answer.json is not None
    assert "'mia'" in answer.json["detail"]
    assert "admin" in answer.json["detail"]


def test_health_needs_no_sign_in(web: Web) -> None:
    assert web.get("/healthz", user=None).status_code == 200
    assert web.get("/readyz", user=None).status_code == 200
