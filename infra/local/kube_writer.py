"""``python -m infra.local.kube_writer VERB --context NAME``: what `up` writes into a cluster.

Verbs: check, install, apply, remove. Credentials are whatever the context says, plugins included.
"""

import argparse
import base64
import json
import logging
import os
import socket
import sys
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from infra.local import secret_file
from infra.local.errors import LocalError
from infra.local.sandbox.kube import Kube
from infra.local.sandbox_access import ACCOUNTS, kubeconfig_name
from infra.local.workload_cluster import NAMESPACE

TIMEOUT_SECONDS = 5.0
TOKEN_SECONDS = 365 * 86_400
OURS = ("app.kubernetes.io/managed-by", "neurox-up")
"""The label of a namespace that `up` made; one without it belongs to an installation by Helm."""


class ContextKube(Kube):
    """The calls of a sandbox's API server, by the credentials of a kube context."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api
        self._kinds = {}

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        kind: str = "application/json",
    ) -> dict[str, Any]:
        asked = self._api.param_serialize(
            method=method,
            resource_path=path,
            header_params={"Content-Type": kind, "Accept": "application/json"},
            body=body if body is None or "json" in kind else json.dumps(body),
            auth_settings=["BearerToken"],
        )
        answer = self._api.call_api(*asked, _request_timeout=TIMEOUT_SECONDS)
        said: bytes = answer.read()  # type: ignore[no-untyped-call]
        if answer.status == 404 and method == "DELETE":
            return {}
        if answer.status >= 300:
            raise LocalError(f"{method} {path.partition('?')[0]} answered {answer.status}")
        found: dict[str, Any] = json.loads(said)
        return found

    def remove(self, manifest: dict[str, Any]) -> None:
        """Delete it; absent, or of a kind the cluster does not know, is fine."""
        try:
            path = self._path(manifest)
        except LocalError:
            return
        self.delete(path)

    def may_make(self, manifest: dict[str, Any]) -> bool:
        """Whether the credentials may make that object; LocalError when its kind is unknown."""
        group, _, _ = manifest["apiVersion"].rpartition("/")
        asked = {
            "verb": "create",
            "group": group,
            "resource": self._path(manifest).split("/")[-2],
            "namespace": manifest["metadata"].get("namespace", ""),
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(self.post(path, review)["status"]["allowed"])


def check(api: client.ApiClient, rights: Path) -> None:
    """Print server, version and what `install` writes as JSON; LocalError when refused that."""
    kube = ContextKube(api)
    version = kube.get("/version")["gitVersion"]
    manifests = _manifests(rights)
    kinds = {manifest["kind"]: manifest for manifest in manifests}
    refused = sorted(kind for kind, one in kinds.items() if not kube.may_make(one))
    if refused:
        raise LocalError(
            f"it does not let you make {', '.join(refused)}; choose a context of a cluster admin"
        )
    _refuse_foreign(kube)
    writes: dict[str, list[str]] = {}
    for manifest in manifests:
        writes.setdefault(manifest["kind"], []).append(manifest["metadata"]["name"])
    answer = {"server": api.configuration.host, "version": version, "writes": writes}
    sys.stdout.write(json.dumps(answer) + "\n")


def install(api: client.ApiClient, rights: Path, out: Path) -> None:
    """Namespace, rights, and a kubeconfig by token for each ServiceAccount."""
    kube = ContextKube(api)
    for manifest in _manifests(rights):
        kube.apply(manifest)
    for account in ACCOUNTS:
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        token = kube.post(path, body)["status"]["token"]
        document = json.dumps(_kubeconfig(api.configuration, token), indent=1)
        secret_file.write(out / kubeconfig_name(account), document)


def remove(api: client.ApiClient, rights: Path, server: str) -> None:
    """Take out what ``install`` wrote, at ``server`` and nowhere else."""
    if server and api.configuration.host != server:
        raise LocalError(f"it points at {api.configuration.host} now; neurox wrote into {server}")
    kube = ContextKube(api)
    _refuse_foreign(kube)
    for manifest in reversed(_manifests(rights)):
        kube.remove(manifest)


def _refuse_foreign(kube: ContextKube) -> None:
    label, value = OURS
    for one in kube.get("/api/v1/namespaces")["items"]:
        meta = one["metadata"]
        if meta["name"] == NAMESPACE and meta.get("labels", {}).get(label) != value:
            raise LocalError(
                f"its namespace {NAMESPACE} was not made by `neurox up`: Neurox seems to be "
                "installed there already, and is left alone"
            )


def _kubeconfig(settings: client.Configuration, token: str) -> dict[str, Any]:
    cluster = {"server": settings.host}
    if settings.ssl_ca_cert:
        authority = Path(settings.ssl_ca_cert).read_bytes()
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    context = {"cluster": "here", "user": "here", "namespace": NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "here", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": context}],
        "current-context": "here",
    }


def _manifests(rights: Path) -> list[dict[str, Any]]:
    label, value = OURS
    meta = {"name": NAMESPACE, "labels": {label: value}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
    files = [path.read_text() for path in sorted(rights.glob("*.yaml"))]
    return [namespace, *(found for text in files for found in yaml.safe_load_all(text) if found)]


def _configuration(context: str) -> client.Configuration:
    """By the kubeconfig; LocalError naming its files, and the contexts that are there."""
    files = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    known = [name for file in files.split(os.pathsep) for name in _contexts(Path(file))]
    if context not in known:
        there = f"there are: {', '.join(known)}" if known else "there are none"
        raise LocalError(f"{files} has no such context; {there}")
    settings = client.Configuration()
    config.load_kube_config(context=context, client_configuration=settings)  # type: ignore[no-untyped-call]
    return settings


def _contexts(file: Path) -> list[str]:
    """Names of a file's contexts; a file that is absent has none, as kubectl sees it."""
    try:
        found = yaml.safe_load(file.read_text()) or {}
        return [str(row["name"]) for row in found.get("contexts") or ()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LocalError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, yaml.YAMLError, TypeError, KeyError, AttributeError):
        raise LocalError(f"{file} is not a kubeconfig; see KUBECONFIG") from None


def _run(asked: argparse.Namespace) -> None:
    settings = _configuration(asked.context)
    settings.retries = False  # else silence lasts four times as long
    api = client.ApiClient(settings)
    if asked.verb == "check":
        check(api, asked.rights)
    elif asked.verb == "install":
        install(api, asked.rights, asked.out)
    elif asked.verb == "apply":
        for manifest in filter(None, yaml.safe_load_all(asked.file.read_text())):
            ContextKube(api).apply(manifest)
    else:
        remove(api, asked.rights, asked.server)


def _refusal(error: ApiException) -> str:
    if not error.status:  # how the client tells of TLS
        return f"it cannot be trusted: {str(error.reason).splitlines()[-1]}"
    if error.status == 404:
        return "what answers there is no Kubernetes API server"
    return f"it answered {error.status} {error.reason}; are its credentials still good?"


def main() -> int:
    """Run one verb; 1 and one line on standard error when the cluster refuses or is silent."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=("check", "install", "apply", "remove"))
    parser.add_argument("--context", required=True)
    parser.add_argument("--rights", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--server")
    logging.basicConfig(format="%(message)s")  # the client logs why a credential plugin failed
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        _run(parser.parse_args())
    except (ConfigException, LocalError) as error:
        sys.stderr.write(f"{error}\n")
    except ApiException as error:
        sys.stderr.write(f"{_refusal(error)}\n")
    except (OSError, HTTPError) as error:
        reason = getattr(error, "reason", None) or error
        sys.stderr.write(f"it does not answer within {TIMEOUT_SECONDS:g} s: {reason}\n")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
