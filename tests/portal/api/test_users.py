"""Local accounts and tokens."""

from collections.abc import Mapping
from typing import Any

import pytest
from neurox_web import ORIGIN, Web

from controllers.domain.policy import Group
from controllers.store.users import User
from portal.api import users


@pytest.fixture
def people(web: Web) -> Web:
    web.stores.groups.put("vision", Group("vision"))
    return web


def test_an_account_is_made_read_and_never_shows_its_password(people: Web) -> None:
    body = {"password": "long enough", "groups": ["vision"]}
    made = people.put("/users/mia", body)
    assert made.status_code == 200
    assert set(made.json) == {"name", "groups", "admin", "created_at"}  # type: ignore[arg-type]
    assert people.get("/users/mia").json == made.json
    stored = people.stores.users.get("mia")
    assert str(stored.password_hash).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_without_a_password_the_former_one_stays(people: Web) -> None:
    people.put("/users/mia", {"password": "long enough"})
    before = people.stores.users.get("mia")
    people.put("/users/mia", {"groups": ["vision"], "admin": True})
    after = people.stores.users.get("mia")
    assert (after.password_hash, after.id) == (before.password_hash, before.id)
    assert (after.groups, after.admin) == (("vision",), True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "x" * 257}, "password"),
        ({"groups": ["visoin"]}, "groups"),
        ({"groups": "vision"}, "groups"),
        ({"admin": "yes"}, "admin"),
    ],
)
def test_a_bad_account_is_refused(people: Web, body: dict[str, Any], field: str) -> None:
    answer = people.put("/users/mia", body)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field  # type: ignore[index]
    assert people.stores.users.find("mia") is None


def test_a_password_is_never_repeated_in_an_answer(people: Web) -> None:
    answer = people.put("/users/mia", {"password": "hunter2"})
    assert "hunter2" not in answer.text


def test_the_last_admin_can_neither_leave_nor_step_down(people: Web) -> None:
    assert people.put("/users/admin", {"admin": False}).status_code == 409
    assert people.delete("/users/admin").status_code == 409
    people.put("/users/mia", {"admin": True})
    assert people.put("/users/admin", {"admin": False}).status_code == 200


def test_people_make_tokens_for_themselves(people: Web) -> None:
    people.person("mia")
    made = people.post("/users/mia/tokens", {"name": "laptop"}, user="mia")
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    people.tokens["laptop"] = made.json["token"]  # type: ignore[index]
    assert people.get("/me", user="laptop").json["name"] == "mia"  # type: ignore[index]
    assert people.post("/users/admin/tokens", {"name": "x"}, user="mia").status_code == 403


def test_a_token_may_end_by_itself(people: Web) -> None:
    made = people.post("/users/admin/tokens", {"name": "ci", "expires_seconds": 3600})
    assert made.json["expires_at"] is not None  # type: ignore[index]
    for seconds in (0, -1, 59, 10**9):
        body = {"name": "ci", "expires_seconds": seconds}
        assert people.post("/users/admin/tokens", body).status_code == 422


def test_a_demoted_admins_session_and_token_lose_their_rights_at_once(people: Web) -> None:
    people.put("/users/mia", {"password": "long enough", "admin": True})
    token = people.post("/users/mia/tokens", {"name": "t"}).json["token"]  # type: ignore[index]
    people.tokens["mia"] = token
    client = people.client()
    body = {"name": "mia", "password": "long enough"}
    client.post("/auth/sign-in", json=body, base_url=ORIGIN)
    assert people.get("/users", user="mia").status_code == 200
    people.put("/users/mia", {"admin": False})
    assert people.get("/users", user="mia").status_code == 403
    assert client.get("/api/v1/users", base_url=ORIGIN).status_code == 403


def test_two_admins_cannot_step_down_at_once(people: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    people.put("/users/bob", {"admin": True})
    check = users._check_another_admin

    def meanwhile(name: str, known: Mapping[str, User]) -> None:
        monkeypatch.undo()
        check(name, known)
        assert people.put("/users/bob", {"admin": False}).status_code == 200

    monkeypatch.setattr(users, "_check_another_admin", meanwhile)
    assert people.put("/users/admin", {"admin": False}).status_code == 409
    assert [user.name for user in people.stores.users.all() if user.admin] == ["admin"]


def test_an_account_that_is_removed_while_it_is_changed_does_not_come_back(
    people: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.put("/users/mia", {"password": "long enough"})
    before = people.stores.users.get("mia")
    make = users._user

    def meanwhile(*args: Any) -> User:
        monkeypatch.undo()
        assert people.delete("/users/mia").status_code == 204
        return make(*args)

    monkeypatch.setattr(users, "_user", meanwhile)
    assert people.put("/users/mia", {"groups": ["vision"]}).status_code == 200
    after = people.stores.users.get("mia")
    assert after.id != before.id
    assert after.password_hash is None
