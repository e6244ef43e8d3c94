"""A made-up fleet as the API would tell it, for the fixture API."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from portal import schemas as s
from tests.portal.pages.made_up_gpus import GIB, NOW, gpu

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}'=cmd"
LOSSES = {
    "stale": [("bad", "Cluster research-dc1 was lost 10 min ago: nothing came for 45 s.")],
    "revoked": [("warn", "The access of cluster research-dc1 was revoked 12 min ago by amara.")],
}


def reported(seconds: float) -> dict[str, Any]:
    """A report of that age."""
    return {"reported_at": NOW - timedelta(seconds=seconds), "report_age_seconds": seconds}


class Fleet:
    """A made-up fleet as the API would tell it."""

    def __init__(self, scenario: str) -> None:
        self.stale = scenario == "stale"
        self.text = HOSTILE if scenario == "hostile" else None
        self.empty = scenario == "empty"
        self.young = scenario == "young"
        self.large = scenario == "large"
        self.losses = LOSSES.get(scenario, [])
        names = [] if self.empty else ["prod-use1", "research-dc1"]
        self.gpus = [
            gpu(cluster, node, index, self.stale, self.text)
            for cluster in names
            for node in range(1, 5)
            for index in range(8)
        ]
        self.clusters = [self._cluster(n, i == 1 and self.stale) for i, n in enumerate(names)]
        if scenario == "revoked":
            key = s.CredentialOut(state="revoked", revoked_at=NOW)
            cut = {"state": "revoked", "credential": key}
            self.clusters[1] = self.clusters[1].model_copy(update=cut)
        gone = {"id": "5d41402a", "name": "old-dc", "state": "removed", "removed_at": NOW}
        self.removed = [] if self.empty else [self.clusters[0].model_copy(update=gone)]
        self.nodes = [self._node(c, n) for c in names for n in range(1, 5)]
        self.workloads = [] if self.empty else [self._workload(i) for i in range(60)]
        self.pools = [] if self.empty else [self._pool(name) for name in ("h100", "a100")]
        self.projects = [] if self.empty else [self._project(n) for n in ("vision", "speech")]
        self.groups = [] if self.empty else [self._group(n) for n in ("vision", "speech")]
        self.quotas = (
            []
            if self.empty
            else [
                s.QuotaOut(pool="h100", group="vision", gpus=16, gpus_allocated=24, **reported(6))
            ]
        )

    def _cluster(self, name: str, lost: bool) -> s.ClusterOut:
        age = 612.0 if lost else 6.0
        held = sum(g.cluster == name and g.state in ("busy", "idle") for g in self.gpus)
        return s.ClusterOut(
            id=name,
            name=name,
            description=self.text or "Frankfurt, second cellar",
            labels={"region": "eu", "team": "vision"},
            state="lost" if lost else "connected",
            created_at=datetime.now(UTC) - timedelta(minutes=2 if self.young else 60_000),
            **reported(age),
            kubernetes_version="v1.37.2",
            manager_version=self.text[:64] if self.text else "0.1.0",
            relay_version="<" * 64 if self.text else "0.1.0",
            credential=s.CredentialOut(
                state="good",
                key_id="0123456789abcdef",
                age_seconds=86400.0 * 12,
                rotates_at=NOW + timedelta(days=18),
                rotation_asked_at=NOW if lost else None,
                last_rotation=s.RotationOut(at=NOW, ok=not lost, words=self.text or "no Secret"),
            ),
            nodes=4,
            nodes_ready=4,
            gpus=32,
            gpus_allocated=held,
            running=4,
            queued=3,
            utilization=None if lost else 0.71,
            simulated=True,
            sampled_at=NOW - timedelta(seconds=age),
            sample_age_seconds=age,
        )

    def _node(self, cluster: str, number: int) -> s.NodeOut:
        return s.NodeOut(
            name=f"gpu-{number}",
            cluster=cluster,
            pool="h100",
            state="not ready" if number == 4 else "ready",
            reason=self.text or ("kubelet stopped posting status" if number == 4 else None),
            model="NVIDIA H100 80GB HBM3",
            gpus=8,
            gpus_allocated=6,
            utilization=0.64,
            memory_used_bytes=300 * GIB,
            memory_total_bytes=640 * GIB,
            power_watts=3120.5,
            temperature_celsius=71.0,
            workloads=2,
            kubelet_version="v1.37.2",
            **reported(612 if self.stale and cluster == "research-dc1" else 6),
            simulated=True,
        )

    def _workload(self, number: int) -> s.WorkloadOut:
        states = ("Running", "Queued", "Starting", "Running", "Failed", "Succeeded", "Stopped")
        state = states[number % len(states)]
        held = state == "Running"
        why = {
            "Queued": ("no-fit", "Needs 8 free GPUs on one node; the most free there are 5."),
            "Failed": ("exit", "Pod train-vit-04-0 ended with exit code 137."),
        }.get(state)
        code, message = why or ("", "")
        uuids = [g.uuid for g in self.gpus[:2]]
        pod = s.PodOut(name="p-0", node="gpu-1", phase="Running", gpus=2, gpu_uuids=uuids)
        return s.WorkloadOut(
            id=f"w-{number}",
            name=self.text or f"train-vit-{number:02}",
            kind="Job",
            cluster="prod-use1" if state != "Queued" else None,
            namespace="vision",
            user=self.text or ("amara", "hana", "bjorn")[number % 3],
            group="vision",
            project=self.text or ("vision", "speech")[number % 2],
            pool="h100",
            level="normal",
            state=state,
            reason=s.ReasonOut(code=code, message=self.text or message) if why else None,
            pods=2,
            gpus_per_pod=2 ** (number % 4),
            gpus=2 * 2 ** (number % 4),
            utilization=(number * 17 % 100) / 100 if held else None,
            memory_used_bytes=number * 7 * GIB if held else None,
            submitted_at=NOW - timedelta(minutes=7 * number + 2),
            started_at=NOW - timedelta(minutes=7 * number) if state != "Queued" else None,
            finished_at=None,
            age_seconds=420.0 * number + 120,
            **reported(612 if self.stale and number == 3 else 6),
            stoppable=state in ("Running", "Queued", "Starting"),
            simulated=True,
            members=[pod] if held else [],
        )

    def _pool(self, name: str) -> s.PoolOut:
        return s.PoolOut(
            name=name,
            description=self.text or "",
            clusters=["prod-use1"],
            nodes=4,
            gpus=32,
            gpus_allocated=24,
            gpus_guaranteed=28,
            models=[self.text or "NVIDIA H100 80GB HBM3"],
            utilization=0.71,
            queued=3,
            **reported(6),
        )

    def _project(self, name: str) -> s.ProjectOut:
        return s.ProjectOut(
            name=name,
            description=self.text or "Perception models",
            groups=[name],
            pools=["h100"],
            gpus_allocated=24,
            running=4,
            queued=2,
            **reported(6),
        )

    def _group(self, name: str) -> s.GroupOut:
        return s.GroupOut(
            name=name,
            description=self.text or "Perception",
            members=["amara", "hana"],
            projects=[name],
            gpus_guaranteed=16,
            gpus_allocated=24,
            queued=2,
            **reported(6),
        )

    def overview(self) -> s.OverviewOut:
        """The first page's data."""
        tiles = [
            ("GPUs allocated", 43, 64, "", "", "good", "/gpus?state=busy,idle"),
            ("GPU utilisation", 0.678, None, "ratio", "", "good", "/gpus"),
            ("GPU memory used", 2.6e12, 5.5e12, "bytes", "", "good", "/gpus"),
            ("Idle GPUs", 4, None, "", "allocated, unused", "warn", "/gpus?state=idle"),
            ("Running", 17, None, "", "", "plain", "/workloads?state=Running"),
            ("Waiting", 9, None, "", "oldest 3.2 h", "warn", "/workloads?state=Queued"),
            ("Nodes ready", 6, 8, "", "2 not ready", "bad", "/nodes?state=not ready"),
            ("Clusters connected", 2, 2, "", "", "good", "/clusters"),
        ]
        names = ("label", "value", "of", "unit", "note", "tone", "href")
        attention = [
            *self.losses,
            ("bad", "GPU 5 of gpu-3 in prod-use1 reports a fault"),
            ("bad", "1 GPU of prod-use1 reported hardware errors (XID) in the last 24 h."),
            ("warn", "train-vit-03 holds 4 GPUs and has not used them for 42 min"),
        ]
        return s.OverviewOut(
            generated_at=NOW,
            report_age_seconds=None if self.empty else 6.0,
            clusters=self.clusters,
            tiles=[
                s.Tile(key=str(i), **dict(zip(names, each, strict=True)))
                for i, each in enumerate([] if self.empty else tiles)
            ],
            map=self._map(),
            attention=[
                s.Attention(severity=severity, message=self.text or message, href="/gpus")
                for severity, message in ([] if self.empty else attention)
            ],
            workloads=self.workloads[:20],
            simulated=not self.empty,
        )

    def _map(self) -> list[s.MapNode]:
        found = []
        for node in self.nodes:
            held = [g for g in self.gpus if (g.cluster, g.node) == (node.cluster, node.name)]
            known = [g.utilization for g in held if g.utilization is not None]
            fields = ("uuid", "index", "state", "utilization", "workload")
            found.append(
                s.MapNode(
                    cluster=node.cluster,
                    name=node.name,
                    utilization=sum(known) / len(known) if known else None,
                    states=Counter(g.state for g in held),
                    gpus=[s.MapGpu(**{f: getattr(g, f) for f in fields}) for g in held]
                    if not self.large
                    else [],
                )
            )
        return found

    def series(self, name: str, step: int) -> s.Series:
        """A day-like curve a pool, with a gap."""
        unit = {"memory": "bytes", "power": "watts", "temperature": "°C"}.get(name, "ratio")
        most = {"ratio": 1.0, "bytes": 80.0 * GIB, "watts": 700.0, "°C": 90.0}[unit]
        times = [NOW.timestamp() - step * (60 - i) for i in range(60)]
        names = [] if self.empty else ["prod-use1 / h100", "research-dc1 / a100", "all clusters"]
        columns: list[list[float | None]] = [
            [None if k == 1 and 20 < i < 25 else most * (i * (k + 3) % 40) / 40 for i in range(60)]
            for k in range(len(names))
        ]
        return s.Series(unit=unit, times=times, names=names, columns=columns)
