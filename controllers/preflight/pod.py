"""The API server asked from a pod of the cluster, by the pod's own account."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from controllers.preflight.facts import (
    MESSAGE_CHARACTERS,
    SECONDS,
    Ask,
    Refused,
    Silent,
    decoded,
)

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOST = "kubernetes.default.svc"
"""As the relay-client names it, so the cluster's DNS is tried as well."""


def asking(account: Path = ACCOUNT, host: str = HOST, port: int = 443) -> Ask:
    """Asks as that account; Silent where there is none."""
    try:
        token = (account / "token").read_text().strip()
        context = ssl.create_default_context(cafile=str(account / "ca.crt"))
    except OSError as failure:
        raise Silent(f"this is no pod with an account: {failure}") from None

    def ask(path: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
        try:
            text = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, text, headers)
            answer = connection.getresponse()
            status, said = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as failure:
            raise Silent(f"{host} does not answer: {failure}") from None
        finally:
            connection.close()
        if status == 404:
            return None
        if status == 403:
            raise Refused(path)
        if status >= 300:
            words = said.decode(errors="replace")[:MESSAGE_CHARACTERS]
            raise Silent(f"{path} was answered {status}: {words}")
        return decoded(said)

    return ask
