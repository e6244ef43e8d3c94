"""The few calls to the cluster's API server: one Secret, and the cluster's own uid."""

import base64
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

from controllers.relay.call import Answer, Call, CallFailed, HttpClient, Origin
from controllers.relay.kubeconfig import KubeconfigError, parse_kubeconfig

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SERVER = "https://kubernetes.default.svc"
ANSWER_SECONDS = 10.0


class KubernetesError(Exception):
    """The API server refused or did not answer; the message says what was asked."""


class SecretChanged(Exception):
    """Somebody else wrote the Secret since it was read."""


@dataclass(frozen=True)
class Access:
    """Where the API server is, and the token to show; a pod's token is read anew each time."""

    server: str
    ca_pem: str | None
    token: str = field(default="", repr=False)
    token_file: Path | None = None

    @classmethod
    def of(cls, kubeconfig: Path | None) -> "Access":
        """From a kubeconfig, else from the pod's own account. KubernetesError."""
        try:
            if kubeconfig is None:
                ca = (ACCOUNT / "ca.crt").read_text()
                return cls(SERVER, ca, token_file=ACCOUNT / "token")
            parsed = parse_kubeconfig(kubeconfig.read_text())
        except (OSError, UnicodeError) as failure:
            raise KubernetesError(f"no access to the API server: {failure}") from None
        except KubeconfigError as failure:
            raise KubernetesError(f"NEUROX_RELAY_KUBECONFIG cannot be used: {failure}") from None
        return cls(parsed.server, parsed.ca_pem, parsed.token)

    def bearer(self) -> str:
        """The token as it is now."""
        return self.token if self.token_file is None else self.token_file.read_text().strip()


@dataclass(frozen=True)
class Secret:
    """What a Secret holds, decoded, and the version that was read."""

    data: Mapping[str, str] = field(repr=False)
    version: str


class _Meta(msgspec.Struct):
    uid: str = ""
    resourceVersion: str = ""


class _Object(msgspec.Struct):
    metadata: _Meta
    data: dict[str, str] | None = None


class Kubernetes:
    """Reads and patches by name; it can list nothing and create nothing."""

    def __init__(self, access: Access, namespace: str) -> None:
        self._access = access
        objects = f"/api/v1/namespaces/{quote(namespace, safe='')}"
        self._secrets, self._config_maps = f"{objects}/secrets/", f"{objects}/configmaps/"
        self._prefix = urlsplit(access.server).path.rstrip("/")
        try:
            self._client = HttpClient(Origin.of(access.server, access.ca_pem))
        except ssl.SSLError:
            raise KubernetesError("the CA of the API server cannot be read") from None

    async def cluster_uid(self) -> str:
        """The uid of the namespace kube-system: what a cluster is known by."""
        answer = await self._send("GET", "/api/v1/namespaces/kube-system")
        return _object(answer).metadata.uid

    async def secret(self, name: str) -> Secret:
        """The Secret; KubernetesError when it is not there."""
        found = _object(await self._send("GET", self._secrets + name))
        try:
            data = {key: base64.b64decode(v).decode() for key, v in (found.data or {}).items()}
        except ValueError:
            raise KubernetesError(f"Secret {name} does not hold text") from None
        return Secret(data, found.metadata.resourceVersion)

    async def patch_secret(self, name: str, data: Mapping[str, str], version: str) -> Secret:
        """Set some keys of the Secret, if it is still at ``version``; else SecretChanged."""
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        body = {"metadata": {"resourceVersion": version}, "data": encoded}
        answer = await self._send("PATCH", self._secrets + name, json.dumps(body).encode())
        found = _object(answer)
        return Secret(data, found.metadata.resourceVersion)

    async def patch_config_map(self, name: str, data: Mapping[str, str]) -> None:
        """Set some keys of the ConfigMap, whatever it holds."""
        await self._send("PATCH", self._config_maps + name, json.dumps({"data": data}).encode())

    def close(self) -> None:
        """Let go of the API server."""
        self._client.close()

    async def _send(self, method: str, path: str, body: bytes = b"") -> Answer:
        try:
            headers = {"authorization": f"Bearer {self._access.bearer()}"}
        except OSError as failure:
            raise KubernetesError(f"the pod's token cannot be read: {failure}") from None
        if body:
            headers["content-type"] = "application/merge-patch+json"
        call = Call(method, self._prefix + path, headers, body)
        try:
            answer = await self._client.send(call, ANSWER_SECONDS)
        except CallFailed as failure:
            raise KubernetesError(f"{method} {path}: {failure}") from None
        if answer.status == 409:
            raise SecretChanged
        if answer.status != 200:
            raise KubernetesError(f"{method} {path} was answered {answer.status}{_advice(answer)}")
        return answer


def _object(answer: Answer) -> _Object:
    try:
        return msgspec.json.decode(answer.body, type=_Object)
    except msgspec.MsgspecError:
        raise KubernetesError("the API server's answer cannot be read") from None


def _advice(answer: Answer) -> str:
    if answer.status in (401, 403):
        return "; the chart gives this right, run helm upgrade again"
    if answer.status == 404:
        return "; the chart renders this object, run helm upgrade again"
    return ""
