"""A join token that Pulumi makes once and keeps: what the cluster shows, what Neurox compares."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field

import pulumi
import yaml

JOIN_PATH = "/relay/v1/join"


@dataclass(frozen=True)
class Invitation:
    """One cluster's. The token is known to the stack's state and that cluster alone."""

    token: pulumi.Output[str] = field(repr=False)
    """``nxj_ID_SECRET``, a Pulumi secret."""
    record: pulumi.Output[str]
    """``ID:SHA256`` of the secret part, for the control plane."""


def invite(name: str, opts: pulumi.ResourceOptions) -> Invitation:
    """An invitation that stays the same for as long as the stack has it."""
    # Each run makes a token; the one that is kept is the first, since later ones are ignored.
    first = pulumi.ResourceOptions(ignore_changes=["input"], additional_secret_outputs=["output"])
    kept = pulumi.Stash(
        f"{name}-token",
        opts=pulumi.ResourceOptions.merge(opts, first),
        input=pulumi.Output.secret(_new_token()),
    )
    token: pulumi.Output[str] = pulumi.Output.secret(kept.output)
    return Invitation(token=token, record=token.apply(_record))


def kubeconfig(url: str, ca_base64: str, token: str) -> str:
    """The file that the relay-client reads: server, CA if it is private, token."""
    cluster = {"server": url.rstrip("/") + JOIN_PATH}
    if ca_base64:
        cluster["certificate-authority-data"] = ca_base64
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "neurox", "cluster": cluster}],
        "users": [{"name": "neurox-join", "user": {"token": token}}],
        "contexts": [{"name": "neurox", "context": {"cluster": "neurox", "user": "neurox-join"}}],
        "current-context": "neurox",
    }
    return yaml.safe_dump(document, sort_keys=False)


def encoded(text: str) -> str:
    """As the ``data`` of a Secret holds it."""
    return base64.b64encode(text.encode()).decode()


def _new_token() -> str:
    # 256 bits, so that a fast hash of them cannot be turned back.
    return f"nxj_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"


def _record(token: str) -> str:
    _, token_id, secret = token.split("_", 2)
    return f"{token_id}:{hashlib.sha256(secret.encode()).hexdigest()}"
