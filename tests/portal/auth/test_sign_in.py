import http.cookies
from dataclasses import replace

import pytest
from neurox_web import ORIGIN, PASSWORD, SETTINGS, Web, mounted
from redis import Redis
from werkzeug.test import Client, TestResponse

from controllers.store import keys
from portal.auth.passwords import matches

COOKIE = "neurox"


def sign_in(
    client: Client, name: str, password: str, origin: str = ORIGIN, **form: str
) -> TestResponse:
    return client.post(
        "/auth/sign-in",
        data={"name": name, "password": password, **form},
        headers={"Origin": origin},
        base_url=ORIGIN,
    )


def signed_in(web: Web) -> Client:
    client = web.client()
    assert sign_in(client, "admin", web.admin_password).status_code == 303
    return client


def me(client: Client) -> int:
    return client.get("/api/v1/me", base_url=ORIGIN).status_code


def test_the_first_admin_signs_in_and_is_sent_on(web: Web) -> None:
    client = web.client()
    answer = sign_in(client, "admin", web.admin_password, next="/gpus?state=idle")
    assert answer.headers["Location"] == "/gpus?state=idle"
    assert client.get("/api/v1/me", base_url=ORIGIN).json == {
        "name": "admin",
        "groups": [],
        "admin": True,
    }


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(web: Web) -> None:
    answer = sign_in(web.client(), "admin", web.admin_password)
    morsel = http.cookies.SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Lax", "/")
    assert not morsel["domain"]


def test_under_https_the_cookie_is_bound_to_the_host(redis: Redis) -> None:
    web = mounted(redis, replace(SETTINGS, public_url="https://gpus.example"))
    origin = "https://gpus.example"
    answer = sign_in(web.client(), "admin", web.admin_password, origin)
    assert answer.headers["Set-Cookie"].startswith("__Host-neurox=")
    assert "; Secure" in answer.headers["Set-Cookie"]
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def test_only_a_digest_of_the_cookie_is_stored(web: Web, redis: Redis) -> None:
    client = signed_in(web)
    cookie = client.get_cookie(COOKIE, domain="127.0.0.1")
    assert cookie is not None
    for key in redis.scan_iter():
        assert cookie.value.encode() not in key
        if redis.type(key) == b"string":
            assert cookie.value.encode() not in redis.get(key)


def test_a_wrong_password_and_an_unknown_name_read_the_same(web: Web) -> None:
    wrong = sign_in(web.client(), "admin", "not it")
    unknown = sign_in(web.client(), "nobody", "not it")
    assert wrong.status_code == unknown.status_code == 401
    assert "The name or the password is wrong." in wrong.text
    assert wrong.text.replace("admin", "") == unknown.text.replace("nobody", "")


def test_the_sixth_failure_must_wait_and_so_must_the_right_password(web: Web) -> None:
    client = web.client()
    assert [sign_in(client, "admin", "no").status_code for _ in range(6)] == [401] * 5 + [429]
    answer = sign_in(client, "admin", web.admin_password)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_a_right_password_forgets_the_failures_before(web: Web) -> None:
    client = web.client()
    for _ in range(3):
        for _ in range(4):
            assert sign_in(client, "admin", "no").status_code == 401
        assert sign_in(client, "admin", web.admin_password).status_code == 303


def test_one_source_cannot_try_one_password_on_everybody(web: Web) -> None:
    codes = [sign_in(web.client(), f"user-{n}", "summer").status_code for n in range(22)]
    assert codes[:20] == [401] * 20
    assert codes[20:] == [429] * 2


def test_a_failure_is_counted_before_the_password_is_checked(web: Web, redis: Redis) -> None:
    sign_in(web.client(), "admin", "no")
    counted = [k for k in redis.scan_iter() if k.startswith(keys.sign_in_failures("").encode())]
    assert len(counted) == 2
    assert all(redis.hget(key, "count") == b"1" for key in counted)
    assert all(0 < redis.ttl(key) <= 300 for key in counted)


def test_signing_out_ends_the_session_for_whoever_copied_the_cookie(web: Web) -> None:
    client = signed_in(web)
    cookie = client.get_cookie(COOKIE, domain="127.0.0.1")
    assert cookie is not None
    copy = web.client()
    copy.set_cookie(COOKIE, cookie.value, domain="127.0.0.1")
    assert me(copy) == 200
    answer = client.post("/auth/sign-out", headers={"Origin": ORIGIN}, base_url=ORIGIN)
    assert answer.status_code in (204, 303)
    assert me(copy) == 401


def test_signing_in_again_ends_the_browsers_former_session(web: Web) -> None:
    client = signed_in(web)
    former = client.get_cookie(COOKIE, domain="127.0.0.1")
    assert former is not None
    sign_in(client, "admin", web.admin_password)
    copy = web.client()
    copy.set_cookie(COOKIE, former.value, domain="127.0.0.1")
    assert me(copy) == 401
    assert me(client) == 200


def test_a_new_password_ends_the_sessions_begun_with_the_old_one(web: Web) -> None:
    web.person("mia")
    client = web.client()
    assert sign_in(client, "mia", PASSWORD).status_code == 303
    assert me(client) == 200
    assert web.put("/users/mia", {"password": "another one"}).status_code == 200
    assert me(client) == 401
    assert web.get("/me", user="mia").status_code == 200


def test_a_session_that_begins_while_the_password_is_changed_ends_too(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.person("mia")
    client = web.client()

    def changed_meanwhile(hashed: str | None, password: str) -> bool:
        monkeypatch.undo()
        assert web.put("/users/mia", {"password": "another one"}).status_code == 200
        return matches(hashed, password)

    monkeypatch.setattr("portal.auth.app.matches", changed_meanwhile)
    assert sign_in(client, "mia", PASSWORD).status_code == 303
    assert me(client) == 401
    assert sign_in(client, "mia", "another one").status_code == 303
    assert me(client) == 200


def test_a_removed_user_is_out_at_once_and_his_successor_inherits_nothing(web: Web) -> None:
    web.person("mia")
    client = web.client()
    sign_in(client, "mia", PASSWORD)
    assert web.delete("/users/mia").status_code == 204
    assert (me(client), web.get("/me", user="mia").status_code) == (401, 401)
    former = web.tokens["mia"]
    web.person("mia")
    web.tokens["mia"] = former
    assert (me(client), web.get("/me", user="mia").status_code) == (401, 401)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999"])
def test_another_site_can_neither_sign_in_nor_out(web: Web, origin: str) -> None:
    assert sign_in(web.client(), "admin", web.admin_password, origin).status_code == 403
    client = signed_in(web)
    answer = client.post("/auth/sign-out", headers={"Origin": origin}, base_url=ORIGIN)
    assert answer.status_code == 403
    assert me(client) == 200


@pytest.mark.parametrize("cookie", ["x" * 4000, "short", "", "807yWWU5u1vamKgAmEcF8jQpoCTfdOjo3pJ"])
def test_a_malformed_cookie_is_nobody(web: Web, cookie: str) -> None:
    client = web.client()
    client.set_cookie(COOKIE, cookie, domain="127.0.0.1")
    assert me(client) == 401


def test_two_session_cookies_are_nobody(web: Web) -> None:
    client = signed_in(web)
    cookie = client.get_cookie(COOKIE, domain="127.0.0.1")
    assert cookie is not None
    both = f"{COOKIE}={cookie.value}; {COOKIE}={cookie.value[::-1]}"
    answer = web.client().get("/api/v1/me", headers={"Cookie": both}, base_url=ORIGIN)
    assert answer.status_code == 401


def test_json_signs_in_too(web: Web) -> None:
    client = web.client()
    body = {"name": "admin", "password": web.admin_password}
    answer = client.post("/auth/sign-in", json=body, base_url=ORIGIN)
    assert answer.json == {"name": "admin", "groups": [], "admin": True}
    assert me(client) == 200


def test_a_json_failure_is_a_problem_document(web: Web) -> None:
    answer = web.client().post("/auth/sign-in", json={"name": "admin", "password": "no"})
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("body", [{"name": "admin"}, {"name": 1, "password": 2}, [], "x"])
def test_a_body_without_name_and_password_is_refused(web: Web, body: object) -> None:
    assert web.client().post("/auth/sign-in", json=body).status_code == 400


def test_the_sign_in_page_is_never_cached_and_runs_no_foreign_script(web: Web) -> None:
    answer = web.client().get("/auth/sign-in?next=//evil.example")
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "evil" not in answer.text


@pytest.mark.parametrize("value", ["A" * 5000, "x", "A" * 43, "", "x; neurox=y"])
def test_a_cookie_that_is_nobodys_is_cleared_at_the_sign_in(web: Web, value: str) -> None:
    plain = Client(web.app, use_cookies=False)
    sent = {"Cookie": f"{COOKIE}={value}"}
    answer = plain.get("/auth/sign-in", headers=sent, base_url=ORIGIN)
    assert answer.status_code == 200
    morsel = http.cookies.SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
    assert (morsel.value, morsel["path"]) == ("", "/")
    assert "Set-Cookie" not in plain.get("/auth/sign-in", base_url=ORIGIN).headers
