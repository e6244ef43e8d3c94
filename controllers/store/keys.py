"""Every Redis key of Neurox; ids and hashes are part of keys, names of people and things never."""

POOLS = "neurox:pools"
GROUPS = "neurox:groups"
PROJECTS = "neurox:projects"
QUOTAS = "neurox:quotas"
CLUSTERS = "neurox:clusters"
CLUSTERS_REMOVED = "neurox:clusters:removed"
"""Records of clusters that were removed, whose history is kept."""
USERS = "neurox:users"
INTENTS = "neurox:intents"
INTENTS_VERSION = "neurox:intents:version"
"""Counts every change of an intent, so that watching them costs one small read."""
LEADER = "neurox:control:leader"
AUDIT = "neurox:audit"
AUDIT_COUNT = "neurox:audit:count"
SHARED_KEY = "neurox:shared-key"
RELAY_REPLICAS = "neurox:relay:replicas"
"""A set: the names of relay replicas, of which some may be gone."""
RELAY_EVENTS = "neurox:relay:events"
"""Publish/subscribe channel: a cluster id is published when its keys change."""


def session(digest: str) -> str:
    """A signed-in browser; ``digest`` is the SHA-256 of the cookie's value."""
    return f"neurox:session:{digest}"


def api_token(digest: str) -> str:
    """A personal API token; ``digest`` is the SHA-256 of the secret."""
    return f"neurox:token:{digest}"


def user_tokens(user_id: str) -> str:
    """A hash: token name to the SHA-256 of the token, for one account id."""
    return f"neurox:user-tokens:{user_id}"


def idempotency(digest: str) -> str:
    """The workload id that a user's Idempotency-Key stands for; expires."""
    return f"neurox:idempotency:{digest}"


def sign_in_failures(digest: str) -> str:
    """Recent failed sign-ins of one account or source."""
    return f"neurox:sign-in:{digest}"


def cluster_meta(cluster_id: str) -> str:
    """Revision, age and versions of a cluster's last report."""
    return f"neurox:state:{cluster_id}:meta"


def cluster_nodes(cluster_id: str) -> str:
    """A hash: node name to node."""
    return f"neurox:state:{cluster_id}:nodes"


def cluster_workloads(cluster_id: str) -> str:
    """A hash: workload id to workload."""
    return f"neurox:state:{cluster_id}:workloads"


def cluster_gpus(cluster_id: str) -> str:
    """A hash: GPU uuid to its last sample."""
    return f"neurox:state:{cluster_id}:gpus"


def cluster_failure(cluster_id: str) -> str:
    """Why the cluster's report could not be had last time, in words; expires."""
    return f"neurox:state:{cluster_id}:failure"


def relay_join(token_id: str) -> str:
    """A join token not yet expired: hash of its secret, cluster, and the key it was bound to."""
    return f"neurox:relay:join:{token_id}"


def relay_identity(cluster_id: str) -> str:
    """The public keys a cluster may sign with, and the cluster's own uid."""
    return f"neurox:relay:identity:{cluster_id}"


def relay_used(digest: str) -> str:
    """A token that a relay-server has taken; ``digest`` is the SHA-256 of what names it. Expires
    when no replica would take the token any more."""
    return f"neurox:relay:used:{digest}"


def relay_presence(cluster_id: str) -> str:
    """A hash: relay replica to its open connections of this cluster; expires."""
    return f"neurox:relay:c:{cluster_id}"


def relay_replica(replica_id: str) -> str:
    """Where a relay replica can be reached; expires."""
    return f"neurox:relay:r:{replica_id}"


def relay_contact(cluster_id: str) -> str:
    """A hash: when a cluster was last heard of, refused, let in, and what it sent; expires."""
    return f"neurox:relay:contact:{cluster_id}"


def relay_history(cluster_id: str) -> str:
    """A list, newest first, of how a cluster's connections came and went; bounded, expires."""
    return f"neurox:relay:history:{cluster_id}"
