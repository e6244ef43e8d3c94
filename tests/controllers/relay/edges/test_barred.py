"""Who refused is told apart: the relay-server takes access back, an edge has a rule."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from controllers.relay import join
from tests.controllers.relay.edges.edge import EDGES, Edge, Nginx
from tests.controllers.relay.program import await_that
from tests.controllers.relay.site import Site
from tests.controllers.relay.test_check import check, items

NewWay = Callable[[type[Edge]], Any]
EDGES_WORDS = "an edge or proxy on the way refused (403), not the relay-server"


def deny(way: Any) -> None:
    """As an admin who keeps the cluster's address out; what is open is cut."""
    file = way.edge.folder / "neurox.conf"
    file.write_text(file.read_text().replace("server {", "server {\n  deny all;", 1))
    way.edge.reload()
    url = f"{way.hub.url}/relay/v1/join"
    await_that(
        "it denies", lambda: b"nginx" in requests.get(url, timeout=5, verify=way.hub.ca).content
    )


def ready(site: Site) -> str:
    return requests.get(f"http://127.0.0.1:{site.metrics}/readyz", timeout=5).text


def test_an_edge_that_denies_is_no_revocation(new_way: NewWay) -> None:
    way = new_way(Nginx)
    way.start(options=Nginx.abrupt)
    site = way.site
    deny(way)
    await_that("the client is told", lambda: EDGES_WORDS in ready(site))
    assert "`deny`" in ready(site)
    row = next(row for row in site.program.words().splitlines() if EDGES_WORDS in row)
    assert re.search(r"next try in 6[01]\.\d s$", row)
    assert "taken back" not in site.program.words()
    url = f"http://127.0.0.1:{site.metrics}/metrics"
    rows = [
        row for row in requests.get(url, timeout=5).text.splitlines() if "dials_refused_t" in row
    ]
    (counted,) = rows[2:]
    assert counted.startswith('neurox_relay_client_dials_refused_total{by="edge",status="403"} ')
    written = site.write(b"samples")
    assert (written.status_code, written.json()["detail"]) == (503, EDGES_WORDS)
    found = items(check(site, "-o", "json"))
    states = [found[key]["state"] for key in ("edge", "token", "tunnel", "metrics")]
    assert states == ["failed", "ok", "failed", "failed"]
    assert found["edge"]["detail"] == EDGES_WORDS
    for key in ("edge", "metrics"):
        assert "look for a firewall's rule (WAF), a `deny`, or a sign-in" in found[key]["fix"]


def test_an_edge_that_denies_uses_up_no_join_token(new_way: NewWay) -> None:
    way = new_way(Nginx)
    way.start()
    deny(way)
    other = Site(way.hub, way.folder / "other", way.hub.record("other"))
    try:
        other.join_file.write_text(way.hub.kubeconfig(other.cluster_id))
        other.start()
        words = f"cannot join now: {EDGES_WORDS}"
        await_that("it is told", lambda: words in other.program.words())
        assert items(check(other, "-o", "json"))["token"]["state"] == "waiting"
    finally:
        other.close()


@pytest.mark.parametrize("kind", EDGES, ids=lambda each: each.name)
def test_a_revocation_is_known_as_one_through_each_edge(kind: type[Edge], new_way: NewWay) -> None:
    way = new_way(kind)
    way.start()
    join.revoke(way.hub.redis, way.site.cluster_id)
    await_that("the client is told", lambda: "access was taken back" in ready(way.site))
    assert EDGES_WORDS not in way.site.program.words()
