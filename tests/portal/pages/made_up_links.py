"""Made-up links and check-lists, as the API would tell them of the made-up fleets."""

from datetime import timedelta

from portal import schemas as s
from tests.portal.pages.made_up_gpus import NOW

LONG = "<" * 64
DONE = (
    ("name", "Name resolved", "The cluster reaches the control plane."),
    ("tls", "TLS", "The cluster reaches the control plane."),
    ("token", "Token", "It was redeemed; the cluster has a key of its own."),
    ("tunnel", "Tunnel", "4 connections, round trip 12 ms."),
    ("state", "State synced", "4 nodes, reported 6 s ago."),
    ("metrics", "Metrics in", "The last came 9 s ago."),
    ("gpus", "GPUs found: 32", "On 4 nodes."),
)
CHECK = (
    "kubectl -n neurox-system exec deploy/neurox-relay-client -- "
    "python3 -m controllers.relay.client check"
)


def checks(name: str, scenario: str, polled: int) -> s.ChecksOut:
    """Green; of a ``joining`` cluster one stage more each time; of a ``stale`` one a red tunnel."""
    done = {"joining": polled, "stale": 3}.get(scenario, len(DONE))
    rest = "failed" if scenario == "stale" else "waiting"
    text = LONG if scenario == "hostile" else None
    items = [
        s.Check.model_validate(
            {"key": key, "label": label, "state": "ok", "detail": text or detail}
            if at < done
            else {
                "key": key,
                "label": label,
                "state": rest,
                "detail": "Nothing heard for 41 s.",
                "fix": "Is the chart installed there, and the Secret applied?",
                "command": CHECK,
            }
        )
        for at, (key, label, detail) in enumerate(DONE)
    ]
    state = "ok" if done >= len(DONE) else rest
    return s.ChecksOut(cluster=name, state=state, heard_age_seconds=3.0, items=items)


def token(scenario: str) -> s.JoinTokenOut:
    """One that nobody has used."""
    return s.JoinTokenOut(
        id="89abcdef01234567",
        cluster="research-dc1",
        expires_at=NOW + timedelta(hours=1),
        issued_at=NOW,
        issued_by=LONG if scenario == "hostile" else "amara",
        rebuilt=False,
    )


def tokens(scenario: str) -> list[s.JoinTokenOut]:
    """That one, and one that Pulumi made."""
    made_elsewhere = dict.fromkeys(("expires_at", "issued_at", "issued_by"))
    other = {"id": "0123456789abcdef", "cluster": "prod-use1", "rebuilt": True}
    one = token(scenario)
    return [one, one.model_copy(update=other | made_elsewhere)]


def deeds(cluster_id: str, scenario: str) -> s.Page[s.AuditOut]:
    """Sixty, of which the last two are told."""
    by = LONG if scenario == "hostile" else "amara"
    items = [
        s.AuditOut(id=at, at=NOW, user=by, action=what, cluster="east", cluster_id=cluster_id)
        for at, what in ((2, "rotate"), (1, "add"))
    ]
    return s.Page[s.AuditOut](items=items, total=60)


def link(name: str, scenario: str) -> s.LinkOut:
    """Connected, or lost for ten minutes."""
    lost = scenario == "stale" and name == "research-dc1"
    text = LONG if scenario == "hostile" else None
    why = text or "nothing came for 45 s"
    return s.LinkOut(
        cluster=name,
        state="lost" if lost else "connected",
        since=NOW - timedelta(minutes=10),
        reason=why if lost else "",
        heard_age_seconds=612.0 if lost else 4.0,
        connections=0 if lost else 4,
        streams=0 if lost else 1,
        replicas=[] if lost else [text or "neurox-relay-server-0"],
        rtt_seconds=None if lost else 0.0123,
        bytes_in=81_000_000,
        bytes_out=4_200_000,
        metrics_bytes=1_900_000_000,
        metrics_age_seconds=612.0 if lost else 9.0,
        metrics_status=503 if lost else 200,
        clock_skew_seconds=-75.0 if lost else 0.4,
        relay_version=text or "0.1.0",
        manager_version=text or "0.1.0",
        agent_versions=[text or "0.1.0"],
        history=[
            s.TurnOut(
                at=NOW - timedelta(minutes=10 * at),
                connected=bool(at % 2) is lost,
                replica=text or "neurox-relay-server-0",
                reason="" if bool(at % 2) is lost else why,
            )
            for at in range(1, 101)
        ],
    )
