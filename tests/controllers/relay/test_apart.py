"""Two clusters that join at once: no stream and no metrics of one ever reach the other."""

import os
import random
import threading
from collections.abc import Callable
from typing import Any

ROUNDS = 60


def test_clusters_that_join_at_once_get_their_own_streams_and_write_as_themselves(
    hub: Any, new_site: Callable[[], Any]
) -> None:
    sites = [new_site() for _ in range(2)]
    at_once([site.join for site in sites])
    failures: list[str] = []
    at_once([exchange(site, failures) for site in sites for _ in range(4)])
    assert failures == []
    written: dict[str, set[bytes]] = {site.cluster_id: set() for site in sites}
    for headers, body in hub.receive.seen:
        tenants = [value for name, value in headers.items() if name.lower() == "thanos-tenant"]
        written[tenants[0]].add(body.partition(b" ")[0])
        assert len(tenants) == 1
    assert written == {site.cluster_id: {site.cluster_id.encode()} for site in sites}


def at_once(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def exchange(site: Any, failures: list[str]) -> Callable[[], None]:
    """Streams with the cluster's mark there and back, and metrics with the mark of the other."""
    site.manager.state["mark"] = mark = site.cluster_id

    def run() -> None:
        chance = random.Random(mark)
        for _ in range(ROUNDS):
            with site.hub.session(site.cluster_id) as session:
                payload = mark.encode() + os.urandom(chance.randrange(100_000))
                if session.post("http://manager/echo", data=payload, timeout=30).content != payload:
                    failures.append(f"{mark}: bytes came back changed")
                told = session.get("http://manager/mark", timeout=30).text
                if told != mark:
                    failures.append(f"{mark} was answered by {told}")
            body = mark.encode() + b" " + os.urandom(1000)
            if not site.write(body, **{"THANOS-TENANT": "the-other"}).ok:
                failures.append(f"{mark}: metrics were not taken")

    return run
