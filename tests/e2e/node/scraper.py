"""A Prometheus that finds annotated pods, as many people run it."""

from typing import Any

from infra.images import upstream

MONITORING = "monitoring"
NAMED = {"name": "prometheus", "namespace": MONITORING}
SCRAPE = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: annotated
    honor_labels: true
    kubernetes_sd_configs: [{role: pod}]
    relabel_configs:
      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]
        regex: "true"
        action: keep
      - {source_labels: [__meta_kubernetes_pod_container_port_name], regex: metrics, action: keep}
"""


def scraper() -> list[dict[str, Any]]:
    """All that is applied for it."""
    config = {"prometheus.yml": SCRAPE}
    labels = {"app.kubernetes.io/name": "prometheus"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**NAMED, "labels": labels}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MONITORING}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": NAMED},
        *_rights(),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": NAMED, "data": config},
        {**pod, "spec": _spec()},
    ]


def _rights() -> list[dict[str, Any]]:
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "prometheus"}}
    finds = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "prometheus"}
    subjects = [{"kind": "ServiceAccount", **NAMED}]
    return [
        {**rbac, "kind": "ClusterRole", "rules": [finds]},
        {**rbac, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": subjects},
    ]


def _spec() -> dict[str, Any]:
    container = {
        "name": "prometheus",
        "image": upstream.reference("prometheus"),
        "args": ["--config.file=/config/prometheus.yml", "--storage.tsdb.path=/data"],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": 9090}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "config", "mountPath": "/config"},
            {"name": "data", "mountPath": "/data"},
        ],
    }
    return {
        "serviceAccountName": "prometheus",
        "securityContext": {"runAsUser": 65534, "fsGroup": 65534},
        "containers": [container],
        "volumes": [
            {"name": "config", "configMap": {"name": "prometheus"}},
            {"name": "data", "emptyDir": {}},
        ],
    }
