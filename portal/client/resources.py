"""The nouns of the API as attributes of a client."""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from portal.client.transport import Transport, parsed, segment
from portal.schemas import (
    ChecksOut,
    ClusterChange,
    ClusterIn,
    JoinIn,
    JoinOut,
    JoinTokenOut,
    LinkOut,
    Page,
    QuotaOut,
    TokenOut,
    UpgradeOut,
    WorkloadIn,
    WorkloadOut,
)

Out = TypeVar("Out", bound=BaseModel)


class Resource(Generic[Out]):
    """A list of things that can be read: ``list`` a page, ``all`` every item, ``get`` one."""

    def __init__(self, transport: Transport, path: str, model: type[Out]) -> None:
        self._transport = transport
        self._path = path
        self._one = model
        self._page: type[Page[Out]] = Page[model]  # type: ignore[valid-type]

    def list(self, **query: Any) -> Page[Out]:
        """One page; ``query`` takes limit, cursor, sort, q and the filters of the noun."""
        return parsed(self._page, self._transport.send("GET", self._path, query))

    def all(self, **query: Any) -> Iterator[Out]:
        """Every item, page by page."""
        cursor = None
        while True:
            page = self.list(**{"limit": 500, **query, "cursor": cursor})
            yield from page.items
            cursor = page.next_cursor
            if not cursor:
                return

    def get(self, name: str) -> Out:
        """One item by name or id."""
        answer = self._transport.send("GET", f"{self._path}/{segment(name)}")
        return parsed(self._one, answer)


class Named(Resource[Out]):
    """Things that are written whole under a name."""

    def put(self, name: str, body: BaseModel, *, dry_run: bool = False) -> Out:
        """Create or replace ``name``."""
        answer = self._transport.send(
            "PUT",
            f"{self._path}/{segment(name)}",
            {"dry_run": dry_run or None},
            body.model_dump(mode="json", exclude_none=True),
        )
        return parsed(self._one, answer)

    def delete(self, name: str, *, dry_run: bool = False) -> None:
        """Remove ``name``."""
        self._transport.send(
            "DELETE", f"{self._path}/{segment(name)}", {"dry_run": dry_run or None}
        )


class Clusters(Resource[Out]):
    """Clusters: created by a join Secret; of what is known of them people write the least."""

    def create(self, asked: ClusterIn, *, dry_run: bool = False) -> JoinOut:
        """A record and the Secret that lets one cluster join as it."""
        query, body = {"dry_run": dry_run or None}, asked.model_dump(mode="json")
        answer = self._transport.send("POST", self._path, query, body)
        return parsed(JoinOut, answer)

    def change(self, name: str, asked: ClusterChange, *, dry_run: bool = False) -> Out:
        """Give it another description or other labels; what ``asked`` leaves out stays."""
        path, query = f"{self._path}/{segment(name)}", {"dry_run": dry_run or None}
        body = asked.model_dump(mode="json", exclude_none=True)
        return parsed(self._one, self._transport.send("PATCH", path, query, body))

    def join(self, name: str, asked: JoinIn | None = None, *, dry_run: bool = False) -> JoinOut:
        """A new single-use token for a record that exists."""
        query, body = {"dry_run": dry_run or None}, (asked or JoinIn()).model_dump(mode="json")
        answer = self._transport.send("POST", f"{self._path}/{segment(name)}/join", query, body)
        return parsed(JoinOut, answer)

    def waiting_join(self, name: str) -> JoinTokenOut:
        """The token that the cluster may still join by; ApiError 404 when it needs a new one."""
        answer = self._transport.send("GET", f"{self._path}/{segment(name)}/join")
        return parsed(JoinTokenOut, answer)

    def withdraw_join(self, name: str, *, dry_run: bool = False) -> None:
        """Make that token worthless; ApiError 404 when there is none."""
        path, query = f"{self._path}/{segment(name)}/join", {"dry_run": dry_run or None}
        self._transport.send("DELETE", path, query)

    def upgrade(self, name: str) -> UpgradeOut:
        """How to bring what the cluster runs to the control plane's version."""
        answer = self._transport.send("GET", f"{self._path}/{segment(name)}/upgrade")
        return parsed(UpgradeOut, answer)

    def checks(self, name: str) -> ChecksOut:
        """The stages of its joining, each with its state and what to do."""
        answer = self._transport.send("GET", f"{self._path}/{segment(name)}/checks")
        return parsed(ChecksOut, answer)

    def link(self, name: str) -> LinkOut:
        """How it is connected."""
        answer = self._transport.send("GET", f"{self._path}/{segment(name)}/link")
        return parsed(LinkOut, answer)

    def rotate(self, name: str, *, dry_run: bool = False) -> Out:
        """Have it replace its key."""
        return self._ask(name, "rotate", dry_run)

    def revoke(self, name: str, *, dry_run: bool = False) -> Out:
        """Take its keys back; the record stays."""
        return self._ask(name, "revoke", dry_run)

    def _ask(self, name: str, what: str, dry_run: bool) -> Out:
        path, query = f"{self._path}/{segment(name)}/{what}", {"dry_run": dry_run or None}
        return parsed(self._one, self._transport.send("POST", path, query))

    def delete(self, name: str, *, dry_run: bool = False) -> None:
        """Take the cluster off the lists and revoke its credential; its history is kept."""
        path, query = f"{self._path}/{segment(name)}", {"dry_run": dry_run or None}
        self._transport.send("DELETE", path, query)


class Workloads(Resource[WorkloadOut]):
    """Workloads: submitted and stopped."""

    def create(
        self, workload: WorkloadIn, *, dry_run: bool = False, idempotency_key: str | None = None
    ) -> WorkloadOut:
        """Submit; with an ``idempotency_key`` a second call gives the first answer."""
        answer = self._transport.send(
            "POST",
            self._path,
            {"dry_run": dry_run or None},
            workload.model_dump(mode="json", exclude_none=True),
            {"Idempotency-Key": idempotency_key} if idempotency_key else None,
        )
        return parsed(WorkloadOut, answer)

    def stop(self, workload_id: str) -> None:
        """Ask for it to end; its GPUs come back when its pods are gone."""
        self._transport.send("DELETE", f"{self._path}/{segment(workload_id)}")


class Quotas(Resource[QuotaOut]):
    """Guarantees of a pool to a group."""

    def put(self, pool: str, group: str, gpus: int, *, dry_run: bool = False) -> QuotaOut:
        """Guarantee ``gpus`` GPUs of ``pool`` to ``group``."""
        path = f"{self._path}/{segment(pool)}/{segment(group)}"
        answer = self._transport.send("PUT", path, {"dry_run": dry_run or None}, {"gpus": gpus})
        return parsed(QuotaOut, answer)

    def delete(self, pool: str, group: str) -> None:
        """Guarantee nothing any more."""
        self._transport.send("DELETE", f"{self._path}/{segment(pool)}/{segment(group)}")


class Users(Named[Out]):
    """Local accounts and their tokens."""

    def create_token(self, user: str, name: str) -> TokenOut:
        """A token named ``name`` that acts as ``user``; replaces a former one of that name."""
        path = f"{self._path}/{segment(user)}/tokens"
        answer = self._transport.send("POST", path, None, {"name": name})
        return parsed(TokenOut, answer)
