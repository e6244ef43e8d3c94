"""A join token that Pulumi makes once and keeps: what the cluster shows, what Neurox compares."""

import base64
import hashlib
from dataclasses import dataclass, field

import pulumi
import pulumi_random
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
    token_id = pulumi_random.RandomId(f"{name}-id", byte_length=8, opts=opts).hex
    # 43 letters and digits: more than 250 bits, so that a fast hash of them cannot be turned back.
    password = pulumi_random.RandomPassword(f"{name}-secret", length=43, special=False, opts=opts)
    secret: pulumi.Output[str] = pulumi.Output.secret(password.result)
    return Invitation(
        token=pulumi.Output.concat("nxj_", token_id, "_", secret),
        record=pulumi.Output.concat(token_id, ":", secret.apply(_digest)),
    )


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


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
