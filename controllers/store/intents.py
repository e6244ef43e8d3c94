"""Workloads as they were asked for, before and while a cluster has them."""

from dataclasses import replace
from typing import Any

import msgspec
from redis import Redis

from controllers.domain.errors import Conflict, NotFound
from controllers.domain.workload import Intent, WorkloadSpec
from controllers.store import keys

TRIES = 20

# Writes a field only if it still holds what the caller read: a lock for this one intent alone.
SWAP = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('INCR', KEYS[2])
return 1
"""


class Intents:
    """One Redis hash: intent id to intent."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._swap = redis.register_script(SWAP)

    def add(self, intent: Intent) -> None:
        """Store a new intent; Conflict when its id is taken."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hsetnx(keys.INTENTS, intent.id, msgspec.json.encode(intent))
            pipe.incr(keys.INTENTS_VERSION)
            added, _ = pipe.execute()
        # A call that is repeated, because the answer of the first was lost, finds its own, which
        # may have been given to a cluster by now.
        if not added and _asked(self.get(intent.id)) != _asked(intent):
            raise Conflict(f"workload {intent.id} exists already")

    def get(self, intent_id: str) -> Intent:
        """One intent; NotFound when there is none of that id."""
        return msgspec.json.decode(self._row(intent_id), type=Intent)

    def all(self) -> list[Intent]:
        """Every intent, first submitted first."""
        rows = self._redis.hvals(keys.INTENTS)
        intents = (msgspec.json.decode(row, type=Intent) for row in rows)
        return sorted(intents, key=lambda i: (i.submitted_at, i.id))

    def change(self, intent_id: str, **fields: Any) -> Intent:
        """Replace fields and return the result; others that change it meanwhile lose nothing."""
        for _ in range(TRIES):
            row = self._row(intent_id)
            changed = replace(msgspec.json.decode(row, type=Intent), **fields)
            if self._swapped(intent_id, row, changed):
                return changed
        raise Conflict(f"workload {intent_id} is being changed by others; try again")

    def change_as_read(self, known: Intent, **fields: Any) -> Intent | None:
        """Replace fields of an intent that is still as it was read; None when it is not."""
        row = self._redis.hget(keys.INTENTS, known.id)
        if row is None or msgspec.json.decode(row, type=Intent) != known:
            return None
        changed = replace(known, **fields)
        return changed if self._swapped(known.id, row, changed) else None

    def remove(self, intent_id: str) -> None:
        """Forget an intent; one that is gone already is no error."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(keys.INTENTS, intent_id)
            pipe.incr(keys.INTENTS_VERSION)
            pipe.execute()

    def version(self) -> int:
        """A number that grows with every change: equal means that nothing happened."""
        return int(self._redis.get(keys.INTENTS_VERSION) or 0)

    def _swapped(self, intent_id: str, row: bytes | str, changed: Intent) -> bool:
        args = [intent_id, row, msgspec.json.encode(changed)]
        return bool(self._swap(keys=[keys.INTENTS, keys.INTENTS_VERSION], args=args))

    def _row(self, intent_id: str) -> bytes | str:
        row = self._redis.hget(keys.INTENTS, intent_id)
        if row is None:
            raise NotFound(f"there is no workload {intent_id}")
        return row


def _asked(intent: Intent) -> tuple[WorkloadSpec, str, float]:
    return intent.spec, intent.user, intent.submitted_at
