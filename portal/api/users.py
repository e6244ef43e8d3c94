"""Local accounts and their API tokens."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from apiflask import APIBlueprint
from flask import Response
from werkzeug.exceptions import Forbidden

from controllers.domain.errors import Conflict
from controllers.domain.names import require_label, unknown
from controllers.store.users import User
from portal.api.access import caller, require_admin
from portal.api.answer import answer, dry_run, nothing
from portal.api.listing import Noun, listing
from portal.api.shapes.values import at, moment
from portal.api.stores import stores
from portal.auth.passwords import hash_password
from portal.schemas import Page, TokenIn, TokenOut, UserIn, UserOut

bp = APIBlueprint("users", __name__, tag="Sign-in")
USERS = Noun("users", UserOut, ("name",), ("groups", "admin"), "name")


@bp.get("/users")
@bp.output(Page[UserOut])
def list_users() -> Response:
    """Every local account; admins only."""
    require_admin("list users")
    return listing(USERS, map(user_out, stores().users.all()))


@bp.get("/users/<name>")
@bp.output(UserOut)
def get_user(name: str) -> Response:
    """One account; an admin's or one's own."""
    _self_or_admin(name, "see other users")
    return answer(user_out(stores().users.get(name)))


@bp.put("/users/<name>")
@bp.input(UserIn, arg_name="asked")
@bp.output(UserOut)
def put_user(name: str, asked: UserIn) -> Response:
    """Create or change; without a password the former one stays. Admins only."""
    require_admin("write users")
    groups = stores().groups.all()
    for group in asked.groups:
        if group not in groups:
            raise unknown("groups", group, groups)
    require_label("name", name)
    password = None if asked.password is None else hash_password(asked.password)

    def decide(users: dict[str, User]) -> dict[str, User]:
        former = users.get(name)
        if former and former.admin and not asked.admin:
            _check_another_admin(name, users)
        return users | {name: _user(name, asked, former, password)}

    return answer(user_out(_decided(decide)[name]))


@bp.delete("/users/<name>")
@bp.output({}, status_code=204)
def delete_user(name: str) -> Response:
    """Remove the account; its sessions and tokens end at once. Admins only."""
    require_admin("remove users")
    user = stores().users.get(name)

    def decide(users: dict[str, User]) -> dict[str, User]:
        if name in users and users[name].admin:
            _check_another_admin(name, users)
        return {each: kept for each, kept in users.items() if each != name}

    _decided(decide)
    if not dry_run():
        stores().tokens.revoke_all(user)
    return nothing()


@bp.post("/users/<name>/tokens")
@bp.input(TokenIn, arg_name="asked")
@bp.output(TokenOut, status_code=201)
def create_token(name: str, asked: TokenIn) -> Response:
    """A token that acts as the user, shown this once; for oneself, or as an admin."""
    _self_or_admin(name, "make tokens for other users")
    user = stores().users.get(name)
    lifetime = asked.expires_seconds
    secret, token = stores().tokens.issue(user, asked.name, lifetime)
    out = TokenOut(id=token.id, token=secret, expires_at=moment(token.expires_at))
    return answer(out, 201, {"Cache-Control": "no-store"})


def user_out(user: User) -> UserOut:
    """The account without its secrets."""
    return UserOut(
        name=user.name,
        groups=list(user.groups),
        admin=user.admin,
        created_at=at(user.created_at),
    )


def _decided(decide: Callable[[dict[str, User]], dict[str, User]]) -> dict[str, User]:
    """All accounts as ``decide`` wants them; written, but in a dry run."""
    if dry_run():
        return decide({user.name: user for user in stores().users.all()})
    return stores().users.change(decide)


def _user(name: str, asked: UserIn, former: User | None, password: str | None) -> User:
    now = time.time()
    user = former or User(str(uuid.uuid4()), name, None, (), False, now, now)
    user = replace(user, groups=tuple(dict.fromkeys(asked.groups)), admin=asked.admin)
    if password is None:
        return user
    return replace(user, password_hash=password, sessions_from=now)


def _check_another_admin(name: str, users: Mapping[str, User]) -> None:
    if not any(user.admin and user.name != name for user in users.values()):
        raise Conflict(f"{name!r} is the last admin; make somebody else an admin first")


def _self_or_admin(name: str, what: str) -> None:
    if not caller().admin and caller().name != name:
        raise Forbidden(f"only an admin may {what}; you are signed in as {caller().name!r}")
