"""What the control plane may ask of the manager: a fixed set of typed calls."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from controllers.domain.errors import DomainError, NotFound, Refused
from controllers.domain.policy import Policy
from controllers.domain.workload import Intent
from controllers.workload.intents import Intents
from controllers.workload.kube import KubeError
from controllers.workload.policy_file import PolicyFile
from controllers.workload.revisions import RevisionLog

log = logging.getLogger(__name__)
MAX_WAIT_SECONDS = 60.0
_WORKLOAD = re.compile(r"/v1/workloads/([A-Za-z0-9._-]{1,128})")
_JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """Status, body and type of an HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = _JSON


class BadRequest(DomainError):
    """The request cannot be understood."""


_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)
_REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (Refused, 422, "Refused"),
    (NotFound, 404, "Not found"),
    (BadRequest, 400, "Bad request"),
    (msgspec.ValidationError, 422, "Not valid"),
    (msgspec.MsgspecError, 400, "Not JSON"),
    (UnicodeDecodeError, 400, "Not JSON"),
    (RecursionError, 400, "Nested too deeply"),
)


def problem(status: int, title: str, detail: str) -> Answer:
    """An error as RFC 9457 problem document."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Answer(status, msgspec.json.encode(body), "application/problem+json")


class Routes:
    """The calls of ``/v1``; errors of the domain become status codes here, once.

    ``missing`` says what keeps the manager from being ready: it must neither judge by what it has
    not read yet, nor act while another one leads.
    """

    def __init__(
        self,
        revisions: RevisionLog,
        policy: PolicyFile,
        intents: Intents,
        changed: Callable[[], None],
        missing: Callable[[], str],
    ) -> None:
        self._revisions = revisions
        self._policy = policy
        self._intents = intents
        self._changed = changed
        self._missing = missing

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Answer:
        """Answer one request; every refusal is a problem document."""
        missing = self._missing()
        if missing:
            return problem(503, "Not ready", f"the workload-manager is not ready: {missing}")
        try:
            return self._answer(method, path, query, body)
        except (DomainError, KubeError, RecursionError, *_UNREADABLE) as error:
            status, title = _refusal(error)
            return problem(status, title, str(error))

    def _answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Answer:
        one = _WORKLOAD.fullmatch(path)
        if path == "/v1/state" and method == "GET":
            return self._state(query)
        if path == "/v1/policy" and method == "PUT":
            return self._store(msgspec.json.decode(body, type=Policy))
        if path == "/v1/workloads" and method == "POST":
            return self._submit(msgspec.json.decode(body, type=Intent))
        if one and method == "DELETE":
            self._intents.stop(one.group(1))
            return Answer(202, b"{}")
        if one or path in ("/v1/state", "/v1/policy", "/v1/workloads"):
            return problem(405, "Method not allowed", f"{method} is not possible on {path}")
        raise NotFound(f"there is nothing at {path[:200]}")

    def _state(self, query: Mapping[str, str]) -> Answer:
        since = _number(query, "since", 0)
        wait = min(_number(query, "wait", 0), MAX_WAIT_SECONDS)
        delta = self._revisions.delta(query.get("epoch"), int(since), wait)
        return Answer(200, msgspec.json.encode(delta))

    def _store(self, policy: Policy) -> Answer:
        if not policy.revision:
            raise Refused("revision", "a policy needs a revision")
        if self._policy.store(policy):
            self._changed()
        return Answer(200, msgspec.json.encode({"revision": policy.revision}))

    def _submit(self, intent: Intent) -> Answer:
        if not _WORKLOAD.fullmatch(f"/v1/workloads/{intent.id}") or len(intent.id) > 63:
            raise Refused("id", "an intent id is 1 to 63 letters, digits, '.', '_' and '-'")
        try:
            created = self._intents.submit(intent)
        except Refused as refused:
            log.warning("intent %s of %.100r was refused: %s", intent.id, intent.user, refused)
            raise
        return Answer(201 if created else 200, msgspec.json.encode({"id": intent.id}))


def _refusal(error: Exception) -> tuple[int, str]:
    for kind, status, title in _REFUSALS:
        if isinstance(error, kind):
            return status, title
    cut = isinstance(error, KubeError) and not error.status
    return (503 if cut else 502), "The cluster did not do it"


def _number(query: Mapping[str, str], name: str, default: float) -> float:
    text = query.get(name, str(default))
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e15:
        raise BadRequest(f"{name} must be a number of 0 or more, not {text[:50]!r}")
    return number
