"""Nodes with GPUs."""

from apiflask import APIBlueprint
from flask import Response, request

from controllers.domain.errors import NotFound
from portal.api import fleet
from portal.api.answer import BadQuery, answer
from portal.api.listing import Noun, listing
from portal.api.shapes.node import node_out
from portal.api.stores import stores
from portal.schemas import NodeOut, Page

bp = APIBlueprint("nodes", __name__, tag="Fleet")
FILTERS = ("cluster", "pool", "state", "model")
NODES = Noun("nodes", NodeOut, ("cluster", "name"), FILTERS, "cluster")


@bp.get("/nodes")
@bp.output(Page[NodeOut])
def list_nodes() -> Response:
    """Every node with GPUs, with the age of what is known of it."""
    seen = fleet.read(stores())
    return listing(NODES, (node_out(seen, r, n) for r in seen.clusters for n in r.nodes))


@bp.get("/nodes/<name>")
@bp.output(NodeOut)
def get_node(name: str) -> Response:
    """One node; ``cluster`` says which, when several clusters have one of that name."""
    seen, cluster = fleet.read(stores()), request.args.get("cluster")
    found = [
        node_out(seen, reported, node)
        for reported in seen.clusters
        for node in reported.nodes
        if node.name == name and cluster in (None, reported.cluster.name)
    ]
    if not found:
        raise NotFound(f"there is no node {name!r}" + (f" in {cluster!r}" if cluster else ""))
    if len(found) > 1:
        names = ", ".join(node.cluster for node in found)
        raise BadQuery("cluster", f"several clusters have a node {name!r}; add ?cluster= {names}")
    return answer(found[0])
