"""What a person should look at, in words, worst first."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal
from urllib.parse import quote, urlencode

from portal.api.fleet import Reported
from portal.api.shapes.gpu import hardware_xids
from portal.api.shapes.loss import Loss, sentence
from portal.schemas import Attention, ClusterOut, GpuState, MapNode

SHOWN = 8


def attention(
    seen: list[Reported],
    clusters: list[ClusterOut],
    nodes: list[MapNode],
    losses: list[Loss],
    now: float,
) -> list[Attention]:
    """At most eight; the bad before the worrying."""
    found = [
        *_losses(losses),
        *_waiting(clusters),
        *_nodes(seen, clusters),
        *_gpus(clusters, nodes),
        *_xids(seen, clusters, now),
    ]
    return sorted(found, key=lambda each: each.severity != "bad")[:SHOWN]


def _losses(losses: Iterable[Loss]) -> Iterator[Attention]:
    for loss in losses:
        # Somebody meant to revoke it; a loss nobody means.
        severity: Literal["warn", "bad"] = "warn" if loss.known.credential.revoked else "bad"
        href = _cluster(loss.known.name)
        yield Attention(severity=severity, message=sentence(loss), href=href)


def _waiting(clusters: Iterable[ClusterOut]) -> Iterator[Attention]:
    for cluster in clusters:
        if cluster.state == "waiting":
            said = f"Cluster {cluster.name} has not joined yet."
            yield Attention(severity="warn", message=said, href=_cluster(cluster.name))


def _nodes(seen: Iterable[Reported], clusters: Iterable[ClusterOut]) -> Iterator[Attention]:
    connected = {cluster.name for cluster in clusters if cluster.state == "connected"}
    for reported in seen:
        if reported.cluster.name not in connected:
            continue
        for node in reported.nodes:
            if not node.ready:
                why = f": {node.reason}" if node.reason else ""
                said = f"Node {node.name} of {reported.cluster.name} is not ready{why}."
                yield Attention(severity="bad", message=said, href=_cluster(reported.cluster.name))


def _gpus(clusters: Iterable[ClusterOut], nodes: list[MapNode]) -> Iterator[Attention]:
    connected = [cluster.name for cluster in clusters if cluster.state == "connected"]
    counts: dict[str, Counter[GpuState]] = {name: Counter() for name in connected}
    for node in nodes:
        counts.get(node.cluster, Counter()).update(node.states)
    sentences: tuple[tuple[GpuState, str, str], ...] = (
        ("fault", "bad", "in fault"),
        ("stale", "warn", "without a fresh sample; is the agent running"),
        ("idle", "warn", "allocated and doing nothing"),
    )
    for name in connected:
        for state, severity, words in sentences:
            count = counts[name][state]
            if count:
                plural = f"{count} GPUs are" if count > 1 else "1 GPU is"
                said = f"{plural} {words} in {name}" + ("?" if state == "stale" else ".")
                href = "/gpus?" + urlencode({"cluster": name, "state": state})
                yield Attention.model_validate(
                    {"severity": severity, "message": said, "href": href}
                )


def _xids(
    seen: Iterable[Reported], clusters: Iterable[ClusterOut], now: float
) -> Iterator[Attention]:
    connected = {cluster.name for cluster in clusters if cluster.state == "connected"}
    for reported in seen:
        name = reported.cluster.name
        found = [xids for gpu in reported.gpus if (xids := hardware_xids(gpu, now))]
        if found and name in connected:
            grave = any(xid.severity == "critical" for xids in found for xid in xids)
            plural = f"{len(found)} GPUs" if len(found) > 1 else "1 GPU"
            said = f"{plural} of {name} reported hardware errors (XID) in the last 24 h."
            href = "/gpus?" + urlencode({"cluster": name, "xid_24h": "hardware"})
            yield Attention(severity="bad" if grave else "warn", message=said, href=href)


def _cluster(name: str) -> str:
    return "/clusters/" + quote(name, safe="")
