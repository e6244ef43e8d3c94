"""The second lock: a token of the control plane's over one request to a workload-manager.

The tunnel ends in front of the manager, and whoever else can reach its port could ask it the same;
only what the control plane has signed, for this cluster and this very request, is heard.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controllers.relay.identity import IdentityError, PrivateKey, verified

MANAGER = "neurox-manager.v1"
"""The audience: no such token opens the relay, and none of the relay's opens a manager."""
LIFE = "neurox-manager-life"
"""The header by which a manager that refuses a token tells its life, which tokens have to name."""
LIFE_CHARACTERS = 64
"""Longest that is put into a token."""


@dataclass(frozen=True)
class Asked:
    """What is asked: the method, the path with its query as it is sent, the whole body."""

    method: str
    target: str
    body: bytes = b""

    def claims(self) -> dict[str, str]:
        """What a token says of it; hashes, so that a token has the same length for all."""
        return {
            "method": self.method,
            "path": _sha256(self.target.encode()),
            "body": _sha256(self.body),
        }


def seal(key: PrivateKey, cluster_id: str, asked: Asked, now: float, life: str = "") -> str:
    """The token that goes with the request, to the process of the manager that has this life."""
    return key.token(cluster_id, MANAGER, now, {**asked.claims(), "life": life})


def unsealed(token: str, keys: Mapping[str, str], cluster_id: str, asked: Asked) -> dict[str, Any]:
    """The claims of a token that is good for this request; IdentityError otherwise."""
    claims = verified(token, keys, MANAGER)
    if claims["sub"] != cluster_id:
        raise IdentityError("the token is for another cluster", "cluster")
    for name, value in asked.claims().items():
        if claims.get(name) != value:
            raise IdentityError(f"the token is for another {name} than this request's", name)
    return claims


def _sha256(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
