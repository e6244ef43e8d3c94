"""Clusters: joined by a Secret; only their descriptions and labels are written."""

import contextlib
import time
import uuid
from dataclasses import replace
from importlib.metadata import version

from apiflask import APIBlueprint
from flask import Response, current_app, request

from controllers.domain.cluster import Cluster
from controllers.domain.errors import Conflict, NotFound
from controllers.domain.workload import FINISHED
from controllers.relay import join
from portal.api import fleet, installing, joining
from portal.api.access import caller, require_admin
from portal.api.answer import answer, dry_run, nothing
from portal.api.listing import Noun, listing
from portal.api.shapes.cluster import cluster_out
from portal.api.stores import stores
from portal.records import check_cluster_labels, require_description, require_name
from portal.schemas import (
    ClusterChange,
    ClusterIn,
    ClusterOut,
    JoinIn,
    JoinOut,
    JoinTokenOut,
    Page,
    UpgradeOut,
)
from portal.settings import Settings

bp = APIBlueprint("clusters", __name__, tag="Fleet")
CLUSTERS = Noun("clusters", ClusterOut, ("name",), ("state",), "name")
TOKENS = Noun("join-tokens", JoinTokenOut, ("id",), ("cluster",), "expires_at")
REMOVED = "Its cluster was removed from Neurox; submit it again for another one."


@bp.get("/clusters")
@bp.output(Page[ClusterOut])
def list_clusters() -> Response:
    """Every cluster and how fresh what is known of it is; ``state=removed``: those that were."""
    removed = "removed" in request.args.get("state", "").split(",")
    seen = fleet.read(stores(), removed=removed)
    listed = (*seen.clusters, *seen.removed)
    return listing(CLUSTERS, (cluster_out(seen, reported) for reported in listed))


@bp.get("/clusters/<name>")
@bp.output(ClusterOut)
def get_cluster(name: str) -> Response:
    """One cluster by its name, or one that was removed by its id."""
    seen = fleet.read(stores(), only=name, removed=True)
    gone = next(iter(seen.removed), None)
    return answer(cluster_out(seen, gone or _named(seen, name)))


@bp.post("/clusters")
@bp.input(ClusterIn, arg_name="asked")
@bp.output(JoinOut, status_code=201)
def create_cluster(asked: ClusterIn) -> Response:
    """A record and the Secret that lets one cluster join as it; admins only."""
    require_admin("add clusters")
    name = require_name(asked.name)
    require_description(asked.description)
    check_cluster_labels(asked.labels)
    terms = joining.Terms.of(asked.expires_seconds)
    made = Cluster(str(uuid.uuid4()), name, time.time(), asked.description, asked.labels)
    if dry_run():
        seen = fleet.read(stores(), only=name)
        if seen.named(name):
            raise Conflict(f"a cluster named {name!r} exists already; choose another name")
        return answer(joining.rehearsal(_settings(), seen, made, terms))
    stores().clusters.add(made)
    stores().audit.note(caller().name, joining.ADD, made)
    return answer(_join(fleet.read(stores(), only=name), name, terms), 201)


@bp.patch("/clusters/<name>")
@bp.input(ClusterChange, arg_name="asked")
@bp.output(ClusterOut)
def change_cluster(name: str, asked: ClusterChange) -> Response:
    """Give a cluster another description or other labels; admins only."""
    require_admin("change clusters")
    seen = fleet.read(stores(), only=name)
    reported = _named(seen, name)
    known, fields = reported.cluster, asked.model_dump(exclude_none=True)
    require_description(fields.get("description", ""))
    check_cluster_labels(fields.get("labels", {}))
    changed = replace(known, **fields)
    if changed != known and not dry_run():
        stores().clusters.change(known.id, **fields)
        stores().audit.note(caller().name, "edit", known)
    return answer(cluster_out(seen, replace(reported, cluster=changed)))


@bp.post("/clusters/<name>/join")
@bp.input(JoinIn, arg_name="asked")
@bp.output(JoinOut, status_code=201)
def new_join(name: str, asked: JoinIn) -> Response:
    """A new single-use token: never joined, installed anew, or (``rebuilt``) made anew.

    Admins only. A former token that nobody used stops working.
    """
    require_admin("issue join tokens")
    terms = joining.Terms.of(asked.expires_seconds, rebuilt=asked.rebuilt)
    seen = fleet.read(stores(), only=name)
    if dry_run():
        return answer(joining.rehearsal(_settings(), seen, _named(seen, name).cluster, terms))
    stores().audit.note(caller().name, joining.ISSUE, _named(seen, name).cluster)
    return answer(_join(seen, name, terms), 201)


@bp.get("/clusters/<name>/join")
@bp.output(JoinTokenOut)
def waiting_join(name: str) -> Response:
    """The token that the cluster may still join by; 404 when it needs a new one. Admins only."""
    require_admin("see join tokens")
    return answer(joining.waiting_out(stores(), stores().clusters.by_name(name)))


@bp.get("/join-tokens")
@bp.output(Page[JoinTokenOut])
def list_join_tokens() -> Response:
    """Every token that somebody may still join by, soonest to end first. Admins only."""
    require_admin("see join tokens")
    return listing(TOKENS, joining.all_waiting_out(stores(), stores().clusters.all()))


@bp.delete("/clusters/<name>/join")
@bp.output({}, status_code=204)
def withdraw_join(name: str) -> Response:
    """Make the token that nobody has used yet worthless; keys stay as they are. Admins only."""
    require_admin("withdraw join tokens")
    cluster = stores().clusters.by_name(name)
    joining.waiting_out(stores(), cluster)
    if not dry_run():
        if not stores().join_tokens.withdraw(cluster.id):
            raise Conflict(f"cluster {name!r} has used its join token meanwhile; revoke its key")
        stores().audit.note(caller().name, "withdraw a join token", cluster)
    return nothing()


@bp.get("/clusters/<name>/upgrade")
@bp.output(UpgradeOut)
def how_to_upgrade(name: str) -> Response:
    """The command that brings what the cluster runs to the control plane's version."""
    stores().clusters.by_name(name)
    return answer(UpgradeOut(version=version("neurox"), command=installing.upgrade(_settings())))


@bp.delete("/clusters/<name>")
@bp.output({}, status_code=204)
def delete_cluster(name: str) -> Response:
    """Revoke the cluster's access and take it off the lists; admins only.

    What runs in it is left alone; its metrics, its workloads as they ended, and how its connection
    came and went are kept.
    """
    require_admin("remove clusters")
    cluster = stores().clusters.by_name(name)
    if dry_run():
        return nothing()
    join.forget(stores().redis, cluster.id)
    forgotten = stores().clusters.remove(cluster.id)
    ended = {w.id for w in stores().states.workloads(cluster.id) if w.state in FINISHED}
    stores().states.retire(cluster.id)
    stores().links.retire(cluster.id)
    stores().audit.note(caller().name, "remove", cluster)
    for cluster_id in forgotten:
        stores().states.forget(cluster_id)
        stores().links.forget(cluster_id)
    for intent in stores().intents.all():
        sent_there = intent.cluster in (cluster.id, cluster.name) and intent.id not in ended
        if sent_there and intent.refusal is None:
            with contextlib.suppress(NotFound):  # nobody needs it any more
                stores().intents.change(intent.id, refusal=REMOVED)
    return nothing()


def _named(seen: fleet.Fleet, name: str) -> fleet.Reported:
    found = seen.named(name)
    if found is None:
        raise NotFound(f"there is no cluster {name!r}")
    return found


def _join(seen: fleet.Fleet, name: str, terms: joining.Terms) -> JoinOut:
    return joining.join_out(stores(), _settings(), seen, _named(seen, name), terms)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["neurox.settings"]
    return settings
