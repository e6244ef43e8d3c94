"""The command line of each server. Pure; every flag that is not obvious says why it is there."""

from infra.local.sandbox.layout import LOOPBACK, STAGES, Layout

# Tuned for the start of a fleet: with the defaults of 20 and 30 calls a second, a thousand pods
# take five times as long.
CALLS_PER_SECOND, CALLS_AT_ONCE = 300, 600

# With 4 nodes, medians of three: 520 MiB for the five servers instead of 558, and 4.9 seconds of
# CPU to start them instead of 4.1.
ENVIRONMENT = {"GOGC": "50"}


def etcd(at: Layout) -> tuple[str, ...]:
    """One member, TLS on both sides. It keeps its fsync: a fleet must survive a power cut."""
    peer = at.https("etcd-peer")
    authority = at.certificate("etcd-ca")
    return (
        f"--name={at.name}",
        f"--data-dir={at.etcd_data}",
        f"--listen-client-urls={at.https('etcd')}",
        f"--advertise-client-urls={at.https('etcd')}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={at.name}={peer}",
        "--client-cert-auth=true",
        f"--trusted-ca-file={authority}",
        f"--cert-file={at.certificate('etcd')}",
        f"--key-file={at.key('etcd')}",
        "--peer-client-cert-auth=true",
        f"--peer-trusted-ca-file={authority}",
        f"--peer-cert-file={at.certificate('etcd')}",
        f"--peer-key-file={at.key('etcd')}",
        "--log-level=warn",
    )


def apiserver(at: Layout) -> tuple[str, ...]:
    """RBAC, no anonymous calls, the admission plugins that the workload plane uses."""
    return (
        f"--etcd-servers={at.https('etcd')}",
        f"--etcd-cafile={at.certificate('etcd-ca')}",
        f"--etcd-certfile={at.certificate('apiserver-etcd-client')}",
        f"--etcd-keyfile={at.key('apiserver-etcd-client')}",
        *_reached(at),
        f"--secure-port={at.ports['kube-apiserver']}",
        f"--tls-cert-file={at.certificate('apiserver')}",
        f"--tls-private-key-file={at.key('apiserver')}",
        f"--client-ca-file={at.certificate('ca')}",
        "--anonymous-auth=false",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,MutatingAdmissionPolicy",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={at.pki / 'service-account.pub'}",
        f"--service-account-signing-key-file={at.key('service-account')}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--allow-privileged=true",
        "--event-ttl=30m",
        "--profiling=false",
    )


def controller_manager(at: Layout) -> tuple[str, ...]:
    """Every controller that is on by default; leaving out the unused ones saves 3 MiB."""
    mine = at.kubeconfig("kube-controller-manager")
    return (
        f"--kubeconfig={mine}",
        f"--authentication-kubeconfig={mine}",
        f"--authorization-kubeconfig={mine}",
        *_serving(at, "kube-controller-manager"),
        "--leader-elect=false",
        f"--root-ca-file={at.certificate('ca')}",
        f"--service-account-private-key-file={at.key('service-account')}",
        "--use-service-account-credentials=true",
        f"--kube-api-qps={CALLS_PER_SECOND}",
        f"--kube-api-burst={CALLS_AT_ONCE}",
        "--concurrent-job-syncs=10",
        "--terminated-pod-gc-threshold=500",
        "--profiling=false",
    )


def scheduler(at: Layout) -> tuple[str, ...]:
    """Its calls and its kubeconfig stand in a file of its own."""
    mine = at.kubeconfig("kube-scheduler")
    return (
        f"--config={at.scheduler_config}",
        f"--authentication-kubeconfig={mine}",
        f"--authorization-kubeconfig={mine}",
        *_serving(at, "kube-scheduler"),
        "--profiling=false",
    )


def scheduler_config(at: Layout) -> dict[str, object]:
    """The KubeSchedulerConfiguration."""
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {
            "kubeconfig": str(at.kubeconfig("kube-scheduler")),
            "qps": CALLS_PER_SECOND,
            "burst": CALLS_AT_ONCE,
        },
    }


def kwok(at: Layout) -> tuple[str, ...]:
    """Only nodes with its annotation; a real kubelet may stand beside them."""
    return (
        f"--kubeconfig={at.kubeconfig('kwok')}",
        f"--config={STAGES}",
        "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        f"--node-ip={LOOPBACK}",
        "--cidr=10.245.0.1/16",
        "--node-lease-duration-seconds=40",
        f"--server-address={LOOPBACK}:{at.ports['kwok']}",
        f"--tls-cert-file={at.certificate('serving')}",
        f"--tls-private-key-file={at.key('serving')}",
    )


def _reached(at: Layout) -> tuple[str, ...]:
    if at.address == LOOPBACK:
        return (
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",
            # A loopback address is not a valid endpoint, so nobody may try to publish it.
            "--endpoint-reconciler-type=none",
        )
    return (
        "--bind-address=0.0.0.0",
        f"--advertise-address={at.address}",
        f"--kubelet-client-certificate={at.certificate('apiserver-kubelet-client')}",
        f"--kubelet-client-key={at.key('apiserver-kubelet-client')}",
        f"--kubelet-certificate-authority={at.certificate('ca')}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--audit-policy-file={at.audit_policy}",
        f"--audit-log-path={at.audit_log}",
    )


def audit_policy() -> dict[str, object]:
    """Who did what to which object, once a request; never what was in it.

    A watch is written down when it begins: it may go on for as long as anybody looks at the log.
    """
    begun = ["RequestReceived", "ResponseComplete"]
    done = ["RequestReceived", "ResponseStarted"]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "rules": [
            {"level": "Metadata", "verbs": ["watch"], "omitStages": begun},
            {"level": "Metadata", "omitStages": done},
        ],
    }


def _serving(at: Layout, role: str) -> tuple[str, ...]:
    # Given a certificate, they do not make an RSA key of their own at each start.
    return (
        f"--bind-address={LOOPBACK}",
        f"--secure-port={at.ports[role]}",
        f"--tls-cert-file={at.certificate('serving')}",
        f"--tls-private-key-file={at.key('serving')}",
    )
