"""Kubeconfig files: by certificate for the cluster's own parts, by token for everyone else."""

import base64
import json
from pathlib import Path
from typing import Any

from infra.local import secret_file


def by_certificate(server: str, ca: Path, certificate: Path, key: Path) -> dict[str, Any]:
    """A kubeconfig that names files beside it, so that a renewed certificate is taken up."""
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    return _document(server, {"certificate-authority": str(ca)}, user, "default")


def by_token(server: str, ca: Path, token: str, namespace: str) -> dict[str, Any]:
    """A kubeconfig that holds everything itself."""
    authority = base64.b64encode(ca.read_bytes()).decode()
    return _document(server, {"certificate-authority-data": authority}, {"token": token}, namespace)


def write(path: Path, document: dict[str, Any]) -> None:
    """Save it, mode 0600, as JSON, which every reader of YAML takes."""
    secret_file.write(path, json.dumps(document, indent=2) + "\n")


def _document(
    server: str, authority: dict[str, str], user: dict[str, str], namespace: str
) -> dict[str, Any]:
    name = "sandbox"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, **authority}}],
        "users": [{"name": name, "user": user}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}
        ],
        "current-context": name,
    }
