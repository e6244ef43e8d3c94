"""What admins ask of join tokens that nobody has used yet."""

from redis import Redis

from controllers.store import keys

# KEYS: the identity. ARGV: the prefix of a token's key. A token that was used stays as it is.
_WITHDRAW = """
local id = redis.call('HGET', KEYS[1], 'token')
if not id or redis.call('EXISTS', ARGV[1] .. id) == 0 then return false end
if redis.call('HEXISTS', ARGV[1] .. id, 'public') == 1 then return false end
redis.call('HDEL', KEYS[1], 'token', 'token_at')
return id
"""


class JoinTokens:
    """Of one cluster at most one token can be redeemed: the one that its identity names."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def withdraw(self, cluster_id: str) -> bool:
        """Make the unused one worthless; False when there is none. Keys stay as they are."""
        identity = keys.relay_identity(cluster_id)
        return self._redis.eval(_WITHDRAW, 1, identity, keys.relay_join("")) is not None
