"""The ways in which people install: each set of values is rendered and checked by every test."""

from typing import Any

SECRET, HOST = "mine", "neurox.example"
SETS: dict[str, tuple[str, dict[str, Any]]] = {
    "defaults": ("neurox", {}),
    "alerts": ("neurox", {"alerts": {"enabled": True, "labels": {"release": "prometheus"}}}),
    "one-cluster": ("neurox", {"workload": {"enabled": True}}),
    "one-cluster-simulated": (
        "neurox",
        {"workload": {"enabled": True, "agent": {"simulated": True}}},
    ),
    "load-balancer": (
        "neurox",
        {"expose": {"host": HOST, "edge": {"service": "LoadBalancer", "acmeEmail": "a@b.example"}}},
    ),
    "own-certificate": (
        "neurox",
        {"expose": {"host": HOST, "edge": {"existingSecret": SECRET}}},
    ),
    "ingress": (
        "neurox",
        {"expose": {"type": "ingress", "host": HOST, "ingress": {"tlsSecret": SECRET}}},
    ),
    "private-ca": (
        "neurox",
        {
            "expose": {
                "type": "ingress",
                "host": HOST,
                "caSecret": SECRET,
                "ingress": {"tlsSecret": SECRET},
            },
            "workload": {"enabled": True},
        },
    ),
    "moving": (
        "neurox",
        {"expose": {"host": HOST, "formerHosts": ["old.example"], "caSecret": SECRET}},
    ),
    "gateway": (
        "neurox",
        {
            "expose": {
                "type": "httpRoute",
                "host": HOST,
                "httpRoute": {"parentRefs": [{"name": "g"}]},
            }
        },
    ),
    "behind-something": ("neurox", {"expose": {"type": "none", "host": HOST}}),
    "own-stores": (
        "neurox",
        {
            "redis": {
                "enabled": False,
                "url": "rediss://r.example:6380/0",
                "existingSecret": SECRET,
            },
            "thanos": {
                "enabled": False,
                "queryUrl": "http://q.example",
                "receiveUrl": "http://w.example/api/v1/receive",
                "tenantHeader": "X-Scope-OrgID",
            },
        },
    ),
    "redis-sentinel": (
        "neurox",
        {
            "redis": {
                "enabled": False,
                "url": "rediss+sentinel://a.example:26379,b.example:26379/main/0",
                "existingSecret": SECRET,
                "tlsSecret": SECRET,
            }
        },
    ),
    "redis-without-password": (
        "neurox",
        {"redis": {"enabled": False, "url": "redis://r.example:6379/0"}},
    ),
    "bucket": ("neurox", {"thanos": {"objectStorage": {"existingSecret": SECRET}}}),
    "own-secrets": (
        "neurox",
        {
            "redis": {"existingSecret": SECRET},
            "relayServer": {"existingSecret": SECRET},
            "auth": {"admin": {"existingSecret": SECRET}},
            "image": {"pullSecrets": [{"name": SECRET}]},
        },
    ),
    "large": (
        "neurox",
        {
            "portal": {"replicas": 3},
            "api": {"replicas": 3},
            "auth": {"replicas": 2},
            "relayServer": {"replicas": 3},
            "keepData": False,
            "nodeSelector": {"tier": "system"},
            "tolerations": [{"key": "system", "operator": "Exists"}],
            "networkPolicy": {"enabled": False},
        },
    ),
    "workload": ("neurox-workload", {}),
    "workload-without-agent": ("neurox-workload", {"agent": {"enabled": False}}),
    "workload-proxy": ("neurox-workload", {"relayClient": {"proxy": {"existingSecret": SECRET}}}),
    "workload-host-path": ("neurox-workload", {"agent": {"driver": "hostPath"}}),
    "workload-own-priority": (
        "neurox-workload",
        {"agent": {"priorityClass": {"name": "gpu-agents", "create": True}}},
    ),
    "workload-cdi": (
        "neurox-workload",
        {"agent": {"driver": "cdi", "hostPID": False, "namespace": "gpu-agents"}},
    ),
    "agent-alone": ("neurox-workload", {"agentOnly": True}),
    "agent-alone-monitored": (
        "neurox-workload",
        {
            "agentOnly": True,
            "agent": {
                "dra": True,
                "dcgm": "both",
                "jobMap": "/var/lib/job-map",
                "labels": {"team": "gpus"},
                "annotations": {"prometheus.io/scrape": "true"},
                "serviceMonitor": {"enabled": True, "dcgm": True, "labels": {"release": "p"}},
            },
        },
    ),
}
