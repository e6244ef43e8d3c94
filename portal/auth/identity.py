"""Who is asking: by session cookie or API token, and by nothing else."""

from dataclasses import dataclass

from flask import Request
from redis import Redis

from controllers.store.sessions import Sessions
from controllers.store.tokens import PREFIX, ApiTokens
from controllers.store.users import User, Users

SECRET_LENGTHS = range(20, 129)
"""What is shorter or longer cannot be ours and is not even looked up."""


@dataclass(frozen=True)
class Caller:
    """A person or tool whose identity was checked in this request."""

    name: str
    groups: tuple[str, ...]
    admin: bool
    by_cookie: bool
    """A browser sends cookies by itself, so a change needs proof that our own page asked."""


def cookie_name(secure: bool) -> str:
    """The session cookie; browsers accept the ``__Host-`` prefix by https only."""
    return "__Host-neurox" if secure else "neurox"


class Identity:
    """Checks sessions and tokens against the store; no header or address grants anything."""

    def __init__(self, redis: Redis, secure: bool) -> None:
        self.users = Users(redis)
        self.sessions = Sessions(redis)
        self.tokens = ApiTokens(redis)
        self.cookie = cookie_name(secure)

    def caller(self, request: Request) -> Caller | None:
        """The caller, or None. A wrong token is not made good by a right cookie."""
        if "Authorization" in request.headers:
            return self._by_token(request.headers.getlist("Authorization"))
        return self._by_cookie(request)

    def session_value(self, request: Request) -> str | None:
        """What the session cookie holds, unless it is malformed or sent twice."""
        values = request.cookies.getlist(self.cookie)
        if len(values) != 1 or len(values[0]) not in SECRET_LENGTHS:
            return None
        return values[0]

    def _by_cookie(self, request: Request) -> Caller | None:
        value = self.session_value(request)
        session = self.sessions.use(value) if value else None
        user = self.users.find(session.user) if session else None
        if session is None or user is None:
            return None
        if user.id != session.user_id or session.started_at < user.sessions_from:
            return None
        return _caller(user, by_cookie=True)

    def _by_token(self, headers: list[str]) -> Caller | None:
        scheme, _, secret = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not secret.startswith(PREFIX):
            return None
        token = self.tokens.find(secret) if len(secret) in SECRET_LENGTHS else None
        user = self.users.find(token.user) if token else None
        if token is None or user is None or user.id != token.user_id:
            return None
        return _caller(user, by_cookie=False)


def _caller(user: User, by_cookie: bool) -> Caller:
    return Caller(user.name, user.groups, user.admin, by_cookie)
