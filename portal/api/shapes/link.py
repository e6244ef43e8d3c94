"""A cluster's link as the API shows it."""

from collections.abc import Sequence

from portal.api.shapes.checks import Known
from portal.api.shapes.values import age, at, moment
from portal.schemas import LinkOut, TurnOut
from portal.schemas.link import LinkState


def link_out(known: Known, agent_versions: Sequence[str]) -> LinkOut:
    """The link now and how it came to be so."""
    link, contact, meta = known.link, known.link.contact, known.reported.meta
    state, since, reason = link_state(known)
    return LinkOut(
        cluster=known.name,
        state=state,
        since=moment(since),
        reason=reason,
        heard_age_seconds=age(known.now, contact.heard_at),
        connections=link.connections,
        streams=sum(reach.streams for reach in link.reaches),
        replicas=[reach.replica for reach in link.reaches],
        rtt_seconds=contact.rtt if link.connected else None,
        bytes_in=contact.bytes_in,
        bytes_out=contact.bytes_out,
        metrics_bytes=contact.write_bytes,
        metrics_age_seconds=age(known.now, contact.taken_at),
        metrics_status=contact.write_status,
        clock_skew_seconds=known.credential.skew_seconds,
        relay_version=contact.version,
        manager_version=meta.manager_version if meta else None,
        agent_versions=list(agent_versions),
        history=[
            TurnOut(
                at=at(turn.at), connected=turn.connected, replica=turn.replica, reason=turn.reason
            )
            for turn in link.history
        ],
    )


def link_state(known: Known) -> tuple[LinkState, float | None, str]:
    """What it is, since when, and why it is not connected, as far as that is known."""
    link, revoked_at = known.link, known.credential.revoked_at
    removed_at = known.reported.cluster.removed_at
    if removed_at is not None:
        return "revoked", removed_at, "the cluster was removed"
    if link.connected:
        return "connected", link.connected_since, ""
    if revoked_at is not None and link.joined_at is None:
        return "revoked", revoked_at, "its access was taken back"
    if known.refused:
        since = link.lost_at if link.history else link.contact.refused_at
        return ("lost" if link.history else "waiting"), since, link.contact.refused
    if link.history:
        return "lost", link.lost_at, link.lost_why
    return "waiting", None, "it has never connected"
