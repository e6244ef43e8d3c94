"""What relay-servers share in Redis: join tokens, keys, used tokens."""

import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from controllers.relay import credential, succession
from controllers.relay.credential import OVERLAP_SECONDS, Credential
from controllers.relay.event_loop import heeded
from controllers.relay.identity import IdentityError, Proof, key_id, public_key
from controllers.relay.limits import USED_SECONDS
from controllers.store import keys
from controllers.store.connection import connect_async
from controllers.store.secret import digest

FRESH_SECONDS = 30.0
LOOK_SECONDS = 5.0
"""How often all keys are looked at, whether or not a change was told."""
REREAD_SECONDS = 1.0
REDIS_CONNECTIONS = 32
"""A flood of handshakes must not become as many connections to Redis."""
_TOKEN = re.compile(r"nxj_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_UID = re.compile(r"[A-Za-z0-9-]{1,64}")

# KEYS: the token, the cluster records. The identity's key depends on the token, hence its prefix.
_REDEEM = """
local t = redis.call('HMGET', KEYS[1], 'digest', 'cluster', 'expires_at', 'public', 'rebuilt')
if not t[1] or t[1] ~= ARGV[2] then return {'unknown', ''} end
local id = ARGV[1] .. t[2]
if redis.call('HEXISTS', KEYS[2], t[2]) == 0 then return {'unknown', ''} end
local uid = redis.call('HGET', id, 'uid')
if t[4] then
  if t[4] ~= ARGV[4] then return {'used', t[2]} end
  if redis.call('HGET', id, 'key:' .. ARGV[3]) ~= ARGV[4] then return {'revoked', t[2]} end
  if uid ~= ARGV[5] then return {'foreign', t[2]} end
  return {'again', t[2]}
end
local last = redis.call('HGET', id, 'token')
if not last then return {'revoked', t[2]} end
if last ~= ARGV[8] then return {'superseded', t[2]} end
if tonumber(t[3]) <= tonumber(ARGV[6]) then return {'expired', t[2]} end
if uid and uid ~= ARGV[5] and not t[5] then return {'foreign', t[2]} end
for _, name in ipairs(redis.call('HKEYS', id)) do
  local kind = string.match(name, '^(%l+):')
  if kind == 'key' or kind == 'made' or kind == 'until' then redis.call('HDEL', id, name) end
end
redis.call('HDEL', id, 'rotate', 'rotation', 'rotates_at', 'skew', 'revoked_at', 'revoked_by')
redis.call('HSET', KEYS[1], 'public', ARGV[4])
redis.call('HSET', id, 'key:' .. ARGV[3], ARGV[4], 'made:' .. ARGV[3], ARGV[6], 'uid', ARGV[5],
  'joined_at', ARGV[6], 'version', ARGV[7])
redis.call('PUBLISH', ARGV[9], t[2])
return {'joined', t[2]}
"""

_REFUSALS: dict[str, tuple[int, str]] = {
    "unknown": (401, "This join token is not known here; ask for a new one on the Clusters page."),
    "expired": (401, "This join token has expired; ask for a new one on the Clusters page."),
    "superseded": (401, "A newer join token was issued for this cluster; use that one."),
    "used": (
        409,
        "This join token was used already, with another key; ask for a new one on the "
        "Clusters page.",
    ),
    "revoked": (
        401,
        "This cluster's access was taken back; ask for a new join token on the Clusters page.",
    ),
    "foreign": (
        409,
        "This record belongs to another cluster: the uid of the namespace kube-system is not the "
        "one that joined. If that cluster was rebuilt, an admin says so by `neurox cluster join "
        "NAME --rebuilt`, or on the cluster's page, and applies the new Secret here.",
    ),
}


class JoinRefused(Exception):
    """The token buys nothing; the message says what to do, ``status`` what to answer."""

    def __init__(self, status: int, words: str, cluster_id: str = "") -> None:
        super().__init__(words)
        self.cluster_id = cluster_id
        """Whose token it was; empty when that is not proven."""
        self.status = status


class RegistryDown(Exception):
    """Redis does not answer."""


@dataclass(frozen=True)
class Joining:
    """What a client sends to be let in."""

    token: str = field(repr=False)
    public_key: str
    cluster_uid: str
    version: str = ""


@dataclass(frozen=True)
class _Known:
    credential: Credential
    read_at: float


class Registry:
    """Reads are kept for half a minute, and dropped when a cluster's keys change."""

    def __init__(self, url: str) -> None:
        self._redis: Redis = connect_async(url, REDIS_CONNECTIONS)
        self._known: dict[str, _Known] = {}
        self._forgotten = 0
        """How often something was: what was asked for before that may be out of date."""

    async def close(self) -> None:
        """Let go of Redis."""
        await self._redis.aclose()

    async def redeem(self, joining: Joining) -> str:
        """The id of the cluster that has joined; the same key may ask again. JoinRefused."""
        match = _TOKEN.fullmatch(joining.token)
        if match is None:
            raise JoinRefused(
                401,
                "This is not a join token (nxj_…); use the Secret of the Clusters page as it is.",
            )
        try:
            public_key(joining.public_key)
        except IdentityError as failure:
            raise JoinRefused(400, str(failure)) from None
        if not _UID.fullmatch(joining.cluster_uid):
            raise JoinRefused(400, "The uid of the kube-system namespace is missing.")
        outcome, cluster_id = await self._redeemed(joining, match[1], digest(match[2]))
        if outcome in _REFUSALS:
            raise JoinRefused(*_REFUSALS[outcome], cluster_id)
        self.forget(cluster_id)
        return cluster_id

    async def _redeemed(
        self, joining: Joining, token_id: str, secret_digest: str
    ) -> tuple[str, str]:
        arguments = (
            keys.relay_identity(""),
            secret_digest,
            key_id(joining.public_key),
            joining.public_key,
            joining.cluster_uid,
            repr(time.time()),
            joining.version[:64],
            token_id,
            keys.RELAY_EVENTS,
        )
        answer = await self._ask(
            self._redis.eval(_REDEEM, 2, keys.relay_join(token_id), keys.CLUSTERS, *arguments)
        )
        outcome, cluster_id = cast(list[bytes], answer)
        return outcome.decode(), cluster_id.decode()

    async def keys_of(self, cluster_id: str, kid: str | None = None) -> Mapping[str, str]:
        """The cluster's good keys by key id; empty when it never joined or was revoked.

        A ``kid`` that is not among them may be of a rotation that was not heard of: they are read
        once more, but not more than once a second.
        """
        now = time.time()
        good = (await self.credential_of(cluster_id)).good(now)
        known = self._known.get(cluster_id)
        if kid is None or kid in good or known is None:
            return good
        if time.monotonic() - known.read_at < REREAD_SECONDS:
            return good
        self.forget(cluster_id)
        return (await self.credential_of(cluster_id)).good(now)

    async def credential_of(self, cluster_id: str) -> Credential:
        """The cluster's keys and what is to become of them."""
        known, now = self._known.get(cluster_id), time.monotonic()
        if known is not None and now - known.read_at < FRESH_SECONDS:
            return known.credential
        key, forgotten = keys.relay_identity(cluster_id), self._forgotten
        found = credential.of(await self._ask(self._redis.hgetall(key)))
        if found.over(time.time()):
            await self._ask(self._redis.eval(succession.BURY, 1, key, repr(time.time())))
        if found.keys and forgotten == self._forgotten:
            self._known[cluster_id] = _Known(found, now)
        return found

    async def succeed(self, cluster_id: str, kid: str, successor: str) -> str:
        """Let the public key ``successor`` follow the key ``kid``: done, again, or why not."""
        arguments = (
            *(kid, key_id(successor), successor, repr(time.time()), str(OVERLAP_SECONDS)),
            *(keys.RELAY_EVENTS, cluster_id),
        )
        identity = keys.relay_identity(cluster_id)
        answer = await self._ask(self._redis.eval(succession.SUCCEED, 1, identity, *arguments))
        self.forget(cluster_id)
        return cast(bytes, answer).decode()

    async def note(self, cluster_id: str, kid: str, fields: Mapping[str, str]) -> None:
        """Keep what the holder of the key ``kid`` says of itself, as long as the key is good."""
        pairs = [text for pair in fields.items() for text in pair]
        identity = keys.relay_identity(cluster_id)
        await self._ask(self._redis.eval(succession.NOTE, 1, identity, kid, *pairs))

    async def first_use(self, proof: Proof) -> bool:
        """Whether no replica has seen the token before; from now on all of them have."""
        name = f"{proof.cluster_id} {proof.kid} {proof.jti}"
        key, mark = keys.relay_used(digest(name)), secrets.token_bytes(8)
        if await self._ask(self._redis.set(key, mark, nx=True, ex=USED_SECONDS)):
            return True
        # A repeated call, because the answer of the first was lost, finds our own mark.
        return bool(await self._ask(self._redis.get(key)) == mark)

    def forget(self, cluster_id: str | None) -> None:
        """Read the cluster's keys anew next time; None: those of every cluster."""
        self._forgotten += 1
        if cluster_id is None:
            self._known.clear()
        else:
            self._known.pop(cluster_id, None)

    async def changes(self) -> AsyncIterator[str | None]:
        """Ids of clusters whose keys changed; None, first and again and again: look at all.

        A message may be lost with the connection that should have brought it, and a connection may
        be dead for long before anybody is told. RegistryDown ends it; call it again.
        """
        try:
            async with self._redis.pubsub() as pubsub:
                await pubsub.subscribe(keys.RELAY_EVENTS)
                looked_at = -LOOK_SECONDS
                while True:
                    if time.monotonic() - looked_at >= LOOK_SECONDS:
                        looked_at = time.monotonic()
                        yield None
                    event = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1.0)
                    if event is not None:
                        yield cast(bytes, event["data"]).decode()
        except (RedisError, OSError) as failure:
            raise RegistryDown(f"Redis does not answer: {type(failure).__name__}") from failure

    async def recorded(self, clusters: list[str]) -> set[str]:
        """Those that have a record."""
        rows = await self._ask(self._redis.hmget(keys.CLUSTERS, clusters))
        return {name for name, row in zip(clusters, rows, strict=True) if row is not None}

    async def say(self, commands: Iterable[tuple[Any, ...]]) -> None:
        """Send commands whose answers nobody needs, in one round trip."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            await self._ask(pipe.execute())

    async def ping(self) -> None:
        """RegistryDown when Redis does not answer."""
        await self._ask(self._redis.ping())

    async def _ask(self, call: Awaitable[Any] | Any) -> Any:
        try:
            return heeded(await call)
        except (RedisError, OSError) as failure:
            raise RegistryDown(f"Redis does not answer: {type(failure).__name__}") from failure
