"""The Job that an intent becomes. Pure, and the same every time: twice is once."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from controllers.domain.workload import Intent
from controllers.workload import seen

USER = 1000
"""Who a workload runs as, unless its image knows better; never root."""
FINISHED_SECONDS = 600
"""How long a finished Job stays, so that its end is seen before it is swept."""
_NOT_LABEL = re.compile(r"[^A-Za-z0-9._-]+")


def job_name(intent: Intent) -> str:
    """The name asked for, and a few letters of the id's hash: short enough for pod host names."""
    digest = hashlib.sha256(intent.id.encode()).hexdigest()[:8]
    return f"{intent.spec.name[:40].rstrip('-')}-{digest}"


def job(intent: Intent, namespace: str) -> dict[str, Any]:
    """A suspended Job of ``spec.pods`` pods that run together and are never retried."""
    spec = intent.spec
    marks = _marks(intent)
    notes = dict(spec.annotations)
    body: dict[str, Any] = {
        "suspend": True,
        "parallelism": spec.pods,
        "completions": spec.pods,
        "completionMode": "Indexed" if spec.pods > 1 else "NonIndexed",
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": FINISHED_SECONDS,
        "template": {
            "metadata": {"labels": marks, "annotations": notes},
            "spec": _pod(intent),
        },
    }
    if spec.max_runtime_seconds is not None:
        body["activeDeadlineSeconds"] = spec.max_runtime_seconds
    submitted = datetime.fromtimestamp(intent.submitted_at, UTC).timestamp()
    own = {f"{seen.OURS}user": intent.user, f"{seen.OURS}submitted-at": repr(submitted)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(intent),
            "namespace": namespace,
            "labels": marks,
            "annotations": notes | own,
        },
        "spec": body,
    }


def _marks(intent: Intent) -> dict[str, str]:
    spec = intent.spec
    values = {
        "intent": intent.id,
        "user": _NOT_LABEL.sub("-", intent.user)[:63].strip("-._"),
        "group": spec.group,
        "project": spec.project,
        "pool": spec.pool,
        "level": spec.level,
    }
    return {f"{seen.OURS}{name}": value for name, value in values.items()}


def _pod(intent: Intent) -> dict[str, Any]:
    spec = intent.spec
    container: dict[str, Any] = {
        "name": "main",
        "image": spec.image,
        "resources": {"limits": {seen.GPU: str(spec.gpus_per_pod)}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if spec.command:
        container["command"] = list(spec.command)
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": [
            {"key": "kwok.x-k8s.io/node", "operator": "Exists", "effect": "NoSchedule"},
            {"key": seen.GPU, "operator": "Exists", "effect": "NoSchedule"},
        ],
        "containers": [container],
    }
