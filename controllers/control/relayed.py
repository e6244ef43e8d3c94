"""The typed calls to one cluster's workload-manager, through the relay."""

from collections.abc import MutableMapping

import msgspec
import requests

from controllers.control.signer import Keys, Signer
from controllers.domain.cluster import StateDelta
from controllers.domain.errors import NotFound, Refused, Unreachable
from controllers.domain.policy import Policy
from controllers.domain.workload import Intent
from controllers.relay.session import cluster_session

BASE = "http://manager/v1"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0


class RelayedManager:
    """A manager behind the relay. One thread at a time: it holds one HTTP session.

    ``lives`` is shared by all of one process, so that a manager is asked for its life once.
    """

    def __init__(
        self,
        relay_url: str,
        token: str,
        cluster_id: str,
        keys: Keys,
        lives: MutableMapping[str, str],
    ) -> None:
        self._session = cluster_session(relay_url, token, cluster_id)
        self._session.auth = Signer(keys, cluster_id, lives)

    def state(self, epoch: str, since: int, wait: float) -> StateDelta:
        """What changed after ``since``; waits up to ``wait`` seconds for news."""
        query = {"epoch": epoch, "since": str(since), "wait": f"{wait:g}"}
        answer = self._send("GET", "/state", query=query, seconds=wait + ANSWER_SECONDS)
        try:
            return msgspec.json.decode(answer.content, type=StateDelta)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as failure:
            raise Unreachable(f"the manager's state cannot be read: {failure}") from failure

    def put_policy(self, policy: Policy) -> None:
        """Replace the policy that the cluster decides by."""
        self._send("PUT", "/policy", body=msgspec.json.encode(policy))

    def create(self, intent: Intent) -> None:
        """Make the workload; once made, again is nothing. Refused when it never can be."""
        self._send("POST", "/workloads", body=msgspec.json.encode(intent))

    def stop(self, intent_id: str) -> None:
        """End the workload; NotFound when the cluster has none of that id."""
        self._send("DELETE", f"/workloads/{intent_id}")

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: bytes | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> requests.Response:
        headers = {"Content-Type": "application/json"} if body is not None else None
        try:
            answer = self._session.request(
                method,
                BASE + path,
                params=query,
                data=body,
                headers=headers,
                timeout=(CONNECT_SECONDS, seconds),
                allow_redirects=False,
            )
        except requests.RequestException as failure:
            raise Unreachable(f"{method} {path}: {failure}") from failure
        return _judged(answer, f"{method} {path}")


def _judged(answer: requests.Response, call: str) -> requests.Response:
    if answer.status_code == 404:
        raise NotFound(_detail(answer))
    if answer.status_code == 422:
        raise Refused("workload", _detail(answer))
    if answer.status_code >= 300:
        raise Unreachable(f"{call} was answered {answer.status_code}: {_detail(answer)}")
    return answer


class _Problem(msgspec.Struct):
    detail: str = ""


def _detail(answer: requests.Response) -> str:
    """The sentence of a problem document, else the start of whatever came; always one line."""
    try:
        detail = msgspec.json.decode(answer.content, type=_Problem).detail
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        detail = answer.content[:2000].decode("utf-8", "replace")
    words = "".join(c if c.isprintable() else " " for c in detail[:500])
    return words or answer.reason or "no words"
