"""The check-list of a joining cluster: what is known of each stage, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass

from controllers.relay.credential import Credential
from controllers.store.links import Link
from portal.api.fleet import Reported
from portal.api.shapes.values import age
from portal.duration import in_words
from portal.schemas import FRESH_SECONDS, Check, ChecksOut
from portal.schemas.link import CheckState

HEARD_SECONDS = 120.0
"""Who said nothing for so long may not be able to any more."""
PATIENCE_SECONDS = 60.0
"""A stage that is not done so long after the one before it has failed; pods take their time."""
METRICS_SECONDS = 90.0
KUBECTL = "kubectl -n neurox-system"
RELAY_CHECK = (
    f"{KUBECTL} exec deploy/neurox-relay-client -- python3 -m controllers.relay.client check"
)
MANAGER_LOGS = f"{KUBECTL} logs deploy/neurox-workload-manager --tail=20"
METRICS_LOGS = f"{KUBECTL} logs deploy/neurox-prometheus --tail=20"
GPU_NODES = "kubectl get nodes -o custom-columns=NODE:.metadata.name,GPUS:.status.allocatable"
JOIN_ANEW = "Make a new join Secret on the cluster’s page, or by the command, and apply it there."
UPGRADE = "Upgrade Neurox in the cluster; the command is on the cluster’s page."
ON_THE_WAY = frozenset({400, 426})
"""Refused before anybody looked at the token."""


@dataclass(frozen=True)
class Known:
    """All that the check-list is made of; ``failure`` is why the state could not be had."""

    now: float
    reported: Reported
    link: Link
    credential: Credential
    failure: str = ""

    @property
    def name(self) -> str:
        """The cluster's."""
        return self.reported.cluster.name

    @property
    def heard(self) -> bool:
        """It speaks to us, by the Secret that it was given last."""
        at, invited = self.link.contact.heard_at, self.link.invited_at or 0.0
        lately = at is not None and at >= invited and self.now - at <= HEARD_SECONDS
        return self.link.connected or lately

    @property
    def silent_seconds(self) -> float:
        """How long nothing has come, since it was last invited to speak."""
        contact, cluster = self.link.contact, self.reported.cluster
        marks = (contact.heard_at, self.link.invited_at, cluster.created_at)
        return self.now - max(mark for mark in marks if mark is not None)

    @property
    def refused(self) -> bool:
        """The last time that it wanted to come in, since it was invited, it was turned away."""
        contact, link = self.link.contact, self.link
        since = max(contact.admitted_at or 0.0, link.joined_at or 0.0, link.invited_at or 0.0)
        return not link.connected and (contact.refused_at or 0.0) > since

    @property
    def token_ended(self) -> str:
        """Why the last join token is good no more, unless somebody used it; else empty."""
        ends = self.link.expires_at
        if ends is None:
            return "No join token is good any more: it was withdrawn, or expired long ago."
        if ends > self.now:
            return ""
        return f"The join token expired {in_words(self.now - ends)} ago, unused."

    @property
    def revoked(self) -> bool:
        """Its access was taken back, and nobody has invited it anew."""
        at = self.credential.revoked_at
        return at is not None and self.link.joined_at is None and at > (self.link.invited_at or 0.0)

    @property
    def connected_seconds(self) -> float:
        """How long it has been connected; 0 when it is not."""
        since = self.link.connected_since
        return 0.0 if since is None else self.now - since

    @property
    def reports(self) -> bool:
        """Its last report is fresh."""
        at = self.reported.reported_at
        return at is not None and self.now - at <= FRESH_SECONDS


def checks_out(known: Known) -> ChecksOut:
    """All seven stages."""
    items = [*_contact(known), _token(known), _tunnel(known), _state(known), _metrics(known)]
    items.append(_gpus(known))
    states = {item.state for item in items}
    return ChecksOut(
        cluster=known.name,
        state="failed" if "failed" in states else "waiting" if "waiting" in states else "ok",
        heard_age_seconds=age(known.now, known.link.contact.heard_at),
        clock_skew_seconds=known.credential.skew_seconds,
        items=items,
    )


def _contact(known: Known) -> Iterator[Check]:
    """The first two, of which we see only whether something came of them."""
    labels = (("name", "Name resolved"), ("tls", "TLS"))
    for key, label in labels:
        if known.heard:
            yield _check(key, label, "ok", "The cluster reaches the control plane.")
            continue
        said = f"Nothing heard for {in_words(known.silent_seconds)}."
        fix = "Is the chart installed there, and the Secret applied? Its check says what is wrong."
        yield _check(key, label, "waiting", said, fix, RELAY_CHECK)


def _token(known: Known) -> Check:
    link, contact = known.link, known.link.contact
    again = f"neurox cluster join {known.name} --context KUBECONTEXT"
    if known.revoked:
        return _check("token", "Token", "failed", "Its access was taken back.", JOIN_ANEW, again)
    if known.refused and contact.refused_status not in ON_THE_WAY:
        if "clock" in contact.refused:
            fix = "Set the clocks of its nodes, as by NTP: they differ from the control plane’s."
            return _check("token", "Token", "failed", _sentence(contact.refused), fix, RELAY_CHECK)
        return _check("token", "Token", "failed", _sentence(contact.refused), JOIN_ANEW, again)
    if link.joined_at is not None:
        return _check("token", "Token", "ok", "It was redeemed; the cluster has a key of its own.")
    ended = known.token_ended
    if ended:
        return _check("token", "Token", "failed", ended, JOIN_ANEW, again)
    said = "The join token has not been used yet."
    return _check("token", "Token", "waiting", said, "Apply the Secret in the cluster.")


def _tunnel(known: Known) -> Check:
    link, contact = known.link, known.link.contact
    if link.connected:
        plural = "s" if link.connections > 1 else ""
        trip = f", round trip {contact.rtt * 1000:.0f} ms" if contact.rtt is not None else ""
        said = f"{link.connections} connection{plural}{trip}."
        return _check("tunnel", "Tunnel", "ok", said)
    if known.refused and contact.refused_status == 426:
        return _check("tunnel", "Tunnel", "failed", _sentence(contact.refused), UPGRADE)
    if known.refused and contact.refused_status == 400:
        fix = "A proxy or load balancer on the way must pass WebSocket upgrades on."
        return _check("tunnel", "Tunnel", "failed", _sentence(contact.refused), fix, RELAY_CHECK)
    if link.joined_at is None:
        return _check("tunnel", "Tunnel", "waiting", "It is dialled once the token is redeemed.")
    lost = known.now - max(link.lost_at or 0.0, link.joined_at)
    said = f"No connection for {in_words(lost)}{': ' if link.lost_why else ''}{link.lost_why}."
    state: CheckState = "failed" if lost > FRESH_SECONDS else "waiting"
    fix = "The relay-client dials by itself; its check says what is in its way."
    return _check("tunnel", "Tunnel", state, said, fix, RELAY_CHECK)


def _state(known: Known) -> Check:
    key, label = "state", "State synced"
    if known.reports:
        seconds = known.now - (known.reported.reported_at or known.now)
        said = f"{len(known.reported.nodes)} nodes, reported {in_words(seconds)} ago."
        return _check(key, label, "ok", said)
    if not known.link.connected:
        return _check(key, label, "waiting", "It comes over the tunnel.")
    why = f": {known.failure}" if known.failure else ""
    said = f"The workload-manager has not answered yet{why}."
    return _check(
        key, label, _late(known), said, "Its log, in the cluster, says why.", MANAGER_LOGS
    )


def _metrics(known: Known) -> Check:
    key, label, contact = "metrics", "Metrics in", known.link.contact
    sampled = max((gpu.sampled_at for gpu in known.reported.gpus), default=0.0)
    newest = max(sampled, contact.taken_at or 0.0)
    refused = contact.write_status is not None and contact.write_status >= 300
    if refused and (contact.written_at or 0.0) > newest:
        said = f"The last were answered {contact.write_status}."
        if contact.write_status == 503:
            fix = "The metrics store of the control plane is at fault; nothing is lost meanwhile."
            return _check(key, label, "failed", said, fix)
        return _check(key, label, "failed", said, "Its Prometheus says what.", METRICS_LOGS)
    if known.now - newest <= METRICS_SECONDS:
        return _check(key, label, "ok", f"The last came {in_words(known.now - newest)} ago.")
    if not known.link.connected:
        return _check(key, label, "waiting", "They are sent once the cluster has joined.")
    fix = "Does its Prometheus run, and reach the relay-client beside it?"
    return _check(key, label, _late(known), "None has come lately.", fix, METRICS_LOGS)


def _gpus(known: Known) -> Check:
    key, label, nodes = "gpus", "GPUs found", known.reported.nodes
    found = sum(node.gpus for node in nodes)
    if found:
        return _check(key, f"{label}: {found}", "ok", f"On {sum(n.gpus > 0 for n in nodes)} nodes.")
    if not known.reports:
        return _check(key, label, "waiting", "They are counted in the first report.")
    fix = "Install the NVIDIA device plugin or GPU operator there; its nodes then offer GPUs."
    said = "No node offers nvidia.com/gpu."
    return _check(key, label, _late(known), said, fix, GPU_NODES)


def _late(known: Known) -> CheckState:
    return "failed" if known.connected_seconds > PATIENCE_SECONDS else "waiting"


def _check(
    key: str, label: str, state: CheckState, detail: str, fix: str = "", command: str = ""
) -> Check:
    return Check.model_validate(
        {
            "key": key,
            "label": label,
            "state": state,
            "detail": detail,
            "fix": fix,
            "command": command,
        }
    )


def _sentence(words: str) -> str:
    """What the relay-server said, as a sentence."""
    return f"{words[:1].upper()}{words[1:]}" + ("" if words.endswith(".") else ".")
