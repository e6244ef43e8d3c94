"""Join tokens as the control plane issues them, and the Secret that carries one.

A token is ``nxj_<id>_<secret>``. It belongs to one cluster record, and to the key that first uses
it; the relay-server redeems it (see ``registry``).
"""

import base64
import secrets
import textwrap
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml
from redis import Redis

from controllers.relay import succession
from controllers.relay.kubeconfig import KubeconfigError, decoded, document, parse_kubeconfig
from controllers.store import keys
from controllers.store.secret import digest, new_secret

__all__ = [
    "JoinToken",
    "KubeconfigError",
    "Waiting",
    "accept",
    "all_waiting",
    "ask_rotation",
    "decoded",
    "forget",
    "issue",
    "known",
    "kubeconfig",
    "kubeconfig_of",
    "parse_kubeconfig",
    "revoke",
    "secret_yaml",
    "waiting",
]

JOIN_PATH = "/relay/v1/join"
SECRET = "neurox-join"  # noqa: S105 - the name of an object
PREFIX = "nxj_"
NO_END = 1e18
KEPT_SECONDS = 7 * 86400
"""How long an expired token is remembered, to say that it has expired."""


_REVOKE = """
local uid = redis.call('HGET', KEYS[1], 'uid')
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'revoked_at', ARGV[1], 'revoked_by', ARGV[4])
if uid then redis.call('HSET', KEYS[1], 'uid', uid) end
redis.call('PUBLISH', ARGV[2], ARGV[3])
"""


@dataclass(frozen=True)
class JoinToken:
    """A token just issued; ``token`` is stored nowhere. ``expires_at`` is in epoch seconds."""

    id: str
    token: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True)
class Waiting:
    """A token that nobody has used yet; ``issued_at`` is None for one that was made elsewhere."""

    id: str
    expires_at: float
    rebuilt: bool
    issued_at: float | None


def issue(redis: Redis, cluster_id: str, ttl_seconds: float, *, rebuilt: bool = False) -> JoinToken:
    """A token of one use for one cluster record; a former one that nobody used stops working.

    ``rebuilt`` is the admin's word that another cluster may take the record's place.
    """
    token_id, secret = secrets.token_hex(8), new_secret()
    expires_at = time.time() + ttl_seconds
    key = keys.relay_join(token_id)
    with redis.pipeline(transaction=True) as pipe:
        pipe.hset(key, "digest", digest(secret))
        pipe.hset(key, "cluster", cluster_id)
        pipe.hset(key, "expires_at", repr(expires_at))
        if rebuilt:
            pipe.hset(key, "rebuilt", "1")
        pipe.expireat(key, int(expires_at) + KEPT_SECONDS)
        pipe.hset(keys.relay_identity(cluster_id), "token", token_id)
        pipe.hset(keys.relay_identity(cluster_id), "token_at", repr(time.time()))
        pipe.execute()
    return JoinToken(token_id, f"{PREFIX}{token_id}_{secret}", expires_at)


def waiting(redis: Redis, cluster_id: str) -> Waiting | None:
    """The token by which the cluster may join now; None when it needs a new one."""
    return all_waiting(redis, [cluster_id]).get(cluster_id)


def all_waiting(redis: Redis, cluster_ids: Iterable[str]) -> dict[str, Waiting]:
    """Those of several clusters by id, in two exchanges; who needs a new one is not in it."""
    ids = list(cluster_ids)
    with redis.pipeline(transaction=False) as pipe:
        for cluster_id in ids:
            pipe.hmget(keys.relay_identity(cluster_id), "token", "token_at")
        last = {c: row for c, row in zip(ids, pipe.execute(), strict=True) if row[0] is not None}
        for token_id, _ in last.values():
            key = keys.relay_join(token_id.decode())
            pipe.hmget(key, "expires_at", "public", "rebuilt")
        rows = zip(last.items(), pipe.execute(), strict=True)
    found = {}
    for (cluster_id, (token_id, issued_at)), (expires_at, used, rebuilt) in rows:
        if expires_at is None or used is not None or float(expires_at) <= time.time():
            continue
        ends = float(expires_at)
        made_at = float(issued_at) if issued_at is not None and ends < NO_END else None
        found[cluster_id] = Waiting(token_id.decode(), ends, rebuilt is not None, made_at)
    return found


def known(redis: Redis, token_id: str) -> bool:
    """Whether a token of that id was ever issued or accepted, used or not."""
    return bool(redis.exists(keys.relay_join(token_id)))


def accept(redis: Redis, cluster_id: str, token_id: str, secret_digest: str) -> None:
    """Know a token made elsewhere, by the hash of its secret; it has no end but its first use."""
    key = keys.relay_join(token_id)
    with redis.pipeline(transaction=True) as pipe:
        pipe.hset(key, "digest", secret_digest)
        pipe.hset(key, "cluster", cluster_id)
        pipe.hset(key, "expires_at", repr(NO_END))
        pipe.hset(keys.relay_identity(cluster_id), "token", token_id)
        pipe.execute()


def revoke(redis: Redis, cluster_id: str, by: str = "") -> None:
    """Take back the cluster's keys and tokens; every relay-server cuts its connections.

    The record stays with its cluster: the uid is kept, so that another one needs an admin's word.
    ``by`` is the user who wants it.
    """
    identity, now = keys.relay_identity(cluster_id), repr(time.time())
    redis.eval(_REVOKE, 1, identity, now, keys.RELAY_EVENTS, cluster_id, by)


def forget(redis: Redis, cluster_id: str) -> None:
    """Revoke, and know nothing of the cluster any more."""
    with redis.pipeline(transaction=True) as pipe:
        pipe.delete(keys.relay_identity(cluster_id))
        pipe.publish(keys.RELAY_EVENTS, cluster_id)
        pipe.execute()


def ask_rotation(redis: Redis, cluster_id: str) -> bool:
    """Ask for a new key, which the cluster makes when it is connected; False: it has none yet."""
    identity, now = keys.relay_identity(cluster_id), repr(time.time())
    return bool(redis.eval(succession.ASK, 1, identity, now, keys.RELAY_EVENTS, cluster_id))


def kubeconfig(server_url: str, ca_pem: str | None, token: str) -> str:
    """The standard file, so that every tool can read it: server, CA if it is private, token."""
    cluster = {"server": server_url.rstrip("/") + JOIN_PATH}
    if ca_pem:
        cluster["certificate-authority-data"] = base64.b64encode(ca_pem.encode()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "neurox", "cluster": cluster}],
        "users": [{"name": "neurox-join", "user": {"token": token}}],
        "contexts": [{"name": "neurox", "context": {"cluster": "neurox", "user": "neurox-join"}}],
        "current-context": "neurox",
    }
    return yaml.safe_dump(document, sort_keys=False)


def kubeconfig_of(secret: str) -> str:
    """The kubeconfig of a join Secret in YAML, and nothing but one. KubeconfigError."""
    found = document(secret, "the Secret")
    metadata = found.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if (found.get("kind"), name) != ("Secret", SECRET):
        raise KubeconfigError(f"that is not a Secret called {SECRET}")
    text, data = found.get("stringData") or {}, found.get("data") or {}
    if not isinstance(text, dict) or not isinstance(data, dict):
        raise KubeconfigError("the data of the Secret is not a mapping")
    if set(text) | set(data) != {"kubeconfig"}:
        shown = ", ".join(sorted(set(text) | set(data)))[:80] or "none"
        raise KubeconfigError(f"the Secret must have one key, kubeconfig; its keys: {shown}")
    if "kubeconfig" in text:
        return str(text["kubeconfig"])
    try:
        return decoded(base64.b64decode("".join(str(data["kubeconfig"]).split()), validate=True))
    except ValueError:
        raise KubeconfigError("kubeconfig in the Secret's data is not base64") from None


def secret_yaml(kubeconfig: str, cluster: str) -> str:
    """The Secret to apply in the cluster of that name: one key, ``kubeconfig``."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": SECRET,
            "namespace": "neurox-system",
            # Which of many it is: all have one name.
            "annotations": {"neurox.io/cluster": cluster},
        },
        "type": "Opaque",
    }
    # As a block, so that people can read it; what dumps YAML would put it into quotes.
    block = textwrap.indent(kubeconfig, "    ")
    return f"{yaml.safe_dump(manifest, sort_keys=False)}stringData:\n  kubeconfig: |\n{block}"
