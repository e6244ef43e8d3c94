"""What the tests of api and auth share: a mounted app, people, a small fleet."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from redis import Redis
from werkzeug.test import Client, TestResponse

from controllers.domain.cluster import Cluster, Node, StateDelta
from controllers.domain.gpu import Gpu, Holder
from controllers.domain.policy import Group, NodePool, Project, Quota
from controllers.domain.workload import Pod, Workload
from controllers.store.users import User
from portal.api.stores import Stores
from portal.auth.bootstrap import ensure_admin
from portal.auth.passwords import hash_password
from portal.settings import Settings
from portal.web import Wsgi, create_app

ORIGIN = "http://127.0.0.1:8080"
SETTINGS = Settings(
    redis_url="redis://127.0.0.1:1/0",
    thanos_url="http://127.0.0.1:1",
    api_url=ORIGIN,
    public_url=ORIGIN,
    relay_public_url="https://127.0.0.1:8443",
)
PASSWORD = "correct horse"


@dataclass
class Web:
    """The web process without its sockets; requests are the admin's unless said otherwise."""

    app: Wsgi
    stores: Stores
    admin_password: str
    admin_token: str
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self) -> Client:
        """A browser without cookies."""
        return Client(self.app)

    def call(self, method: str, path: str, user: str | None = "admin", **more: Any) -> TestResponse:
        """One API call by token; without ``user`` nobody is signed in."""
        headers = dict(more.pop("headers", {}))
        token = self.admin_token if user == "admin" else self.tokens.get(user or "")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.client().open(
            "/api/v1" + path, method=method, headers=headers, base_url=ORIGIN, **more
        )

    def get(self, path: str, user: str | None = "admin", **more: Any) -> TestResponse:
        """A GET by token."""
        return self.call("GET", path, user, **more)

    def put(self, path: str, body: Any, user: str | None = "admin") -> TestResponse:
        """A PUT by token."""
        return self.call("PUT", path, user, json=body)

    def post(self, path: str, body: Any, user: str | None = "admin", **more: Any) -> TestResponse:
        """A POST by token."""
        return self.call("POST", path, user, json=body, **more)

    def delete(self, path: str, user: str | None = "admin") -> TestResponse:
        """A DELETE by token."""
        return self.call("DELETE", path, user)

    def person(self, name: str, *groups: str) -> None:
        """An ordinary user with a password and a token."""
        now = time.time()
        user = User(str(uuid.uuid4()), name, hash_password(PASSWORD), groups, False, now, now)
        assert self.stores.users.add(user)
        self.tokens[name], _ = self.stores.tokens.issue(user, "test")


def mounted(redis: Redis, settings: Settings = SETTINGS) -> Web:
    """All apps on ``redis``, and an admin."""
    made = ensure_admin(redis)
    app = create_app(settings, redis, Flask("pages"))
    return Web(app, Stores(redis), made["password"] or "", made["token"] or "")


def policy(web: Web) -> None:
    """Pool ``a``; groups ``vision`` and ``speech``; project ``eyes`` of vision, up to high."""
    web.stores.pools.put("a", NodePool("a"))
    web.stores.pools.put("b", NodePool("b", {"kind": "b"}))
    for name in ("vision", "speech"):
        web.stores.groups.put(name, Group(name))
    project = Project("eyes", ("vision",), ("a",), "vision", level_limit="high")
    web.stores.projects.put("eyes", project)
    web.stores.quotas.put("a/vision", Quota("a", "vision", 8))


def cluster(web: Web, name: str = "east", nodes: int = 2, gpus: int = 8, **more: Any) -> Cluster:
    """A connected cluster with nodes of pool ``a``; ``more`` is the rest of its report."""
    made = Cluster(str(uuid.uuid4()), name, time.time())
    web.stores.clusters.add(made)
    names = [f"{name}-{n}" for n in range(nodes)]
    web.stores.states.apply(
        made.id,
        StateDelta(
            epoch="e",
            revision=1,
            full=True,
            observed_at=time.time(),
            kubernetes_version="v1.37.2",
            manager_version="0.1",
            nodes={n: Node(n, True, False, gpus, 0, "a", "H100", simulated=True) for n in names},
            **more,
        ),
    )
    return made


def running(workload_id: str, pod: str = "train-0", node: str = "east-0") -> Workload:
    """One pod with one GPU of vision's project ``eyes``."""
    return Workload(
        id=workload_id,
        uid="u",
        namespace="vision",
        kind="Job",
        name="train",
        state="Running",
        pods=1,
        gpus_per_pod=1,
        user="mia",
        group="vision",
        project="eyes",
        pool="a",
        submitted_at=time.time(),
        started_at=time.time(),
        members=(Pod(pod, node, "Running", 1),),
    )


def gpu(index: int = 0, node: str = "east-0", age: float = 0, **more: Any) -> Gpu:
    """A GPU sampled ``age`` seconds ago."""
    given: dict[str, Any] = {"utilization": 0.5, "memory_used_bytes": 1, "memory_total_bytes": 2}
    return Gpu(f"GPU-{node}-{index}", node, index, "H100", time.time() - age, **(given | more))


def holder(pod: str = "train-0") -> Holder:
    """A pod of the namespace ``vision``."""
    return Holder("vision", pod, "main")
