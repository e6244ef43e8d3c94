"""The API server, spoken to in raw bytes: the client's models would cost seconds and memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import urllib3
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

CONNECT_SECONDS = 5
READ_SECONDS = 30
MESSAGE_CHARACTERS = 500
"""Of a refusal: it may quote the whole object."""
MERGE_PATCH = "application/merge-patch+json"


class KubeError(Exception):
    """The API server refused or could not be reached; ``status`` is 0 in the latter case."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Silence(KubeError):
    """An endless answer said nothing for too long: nothing happened, or nobody is there."""


class _Status(msgspec.Struct):
    message: str = ""


class KubeApi:
    """One API server. Every call has a time limit and raises KubeError."""

    def __init__(self, client: ApiClient, seconds: float = READ_SECONDS) -> None:
        self._client = client
        self._timeout = (min(CONNECT_SECONDS, seconds), seconds)

    @classmethod
    def connect(cls, kubeconfig: Path | None, seconds: float = READ_SECONDS) -> "KubeApi":
        """By a kubeconfig file, else by the service account of the pod; each call may take
        ``seconds``."""
        configuration = Configuration()
        configuration.retries = False
        configuration.connection_pool_maxsize = 16
        try:
            if kubeconfig:
                load_kube_config(  # type: ignore[no-untyped-call]
                    str(kubeconfig), client_configuration=configuration
                )
            else:
                load_incluster_config(  # type: ignore[no-untyped-call]
                    client_configuration=configuration
                )
        except ConfigException as error:
            raise KubeError(0, f"no way to reach the API server: {error}") from error
        return cls(ApiClient(configuration), seconds)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """The body of a GET."""
        return self._send("GET", path, query or {})

    def send(self, method: str, path: str, body: Any, content_type: str = "") -> bytes:
        """The answer to a POST, PUT, PATCH or DELETE with a JSON body."""
        return self._send(method, path, {}, body, content_type or "application/json")

    def lines(self, path: str, query: Mapping[str, str], silence: float) -> Iterator[bytes]:
        """The lines of an endless answer, once it has begun; so long a silence is an error."""
        with _translated():
            answer = self._call("GET", path, query, timeout=(CONNECT_SECONDS, silence))
        return _lines(answer)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any = None,
        content_type: str = "",
    ) -> bytes:
        with _translated():
            answer = self._call(method, path, query, body, content_type)
            data: bytes = answer.data
            return data

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any = None,
        content_type: str = "",
        timeout: tuple[float, float] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json"}
        if content_type:
            headers["Content-Type"] = content_type
        request = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        verb, url, header_params, payload, _ = request
        answer: urllib3.BaseHTTPResponse = self._client.call_api(
            verb, url, header_params, payload, _request_timeout=timeout or self._timeout
        ).response
        if answer.status >= 300:
            raise KubeError(answer.status, _message(answer))
        return answer


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    with _translated():
        try:
            rest = b""
            for chunk in answer.stream(65536):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (line for line in whole if line)
        finally:
            answer.close()


def _message(answer: urllib3.BaseHTTPResponse) -> str:
    data = answer.data
    try:
        text = msgspec.json.decode(data, type=_Status).message
    except msgspec.MsgspecError:
        text = ""
    return text[:MESSAGE_CHARACTERS] or f"the API server answered {answer.status}"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except urllib3.exceptions.ReadTimeoutError as error:
        raise Silence(0, f"the API server fell silent: {error}") from error
    except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
        raise KubeError(0, f"the API server does not answer: {error}") from error
