"""Failed sign-ins, counted where a restart cannot forget them."""

import hashlib
from typing import cast

from redis import Redis

from controllers.store import keys

WINDOW_SECONDS = 300
FREE_FOR_ACCOUNT = 5
FREE_FOR_SOURCE = 20
"""More than for one account: a source may be a whole office."""
LONGEST_WAIT_SECONDS = 60
"""Never a hard lock: whoever knows the password gets in after a minute at most."""

# Each attempt is counted before the password is looked at, in one step, so that a thousand
# attempts at once are a thousand failures and not one.
_RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
for i, key in ipairs(KEYS) do
  local row = redis.call('HMGET', key, 'count', 'last')
  local over = (tonumber(row[1]) or 0) - tonumber(ARGV[i])
  if over >= 0 then
    local pause = math.min(tonumber(ARGV[4]), 2 ^ math.min(over, 20)) * 1000
    wait = math.max(wait, tonumber(row[2]) + pause - now)
  end
end
if wait > 0 then return math.ceil(wait / 1000) end
for _, key in ipairs(KEYS) do
  redis.call('HINCRBY', key, 'count', 1)
  redis.call('HSET', key, 'last', now)
  redis.call('EXPIRE', key, ARGV[3])
end
return 0
"""


class SignInFailures:
    """One Redis hash an account and one a source: how many attempts failed, and when last."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._reserve = redis.register_script(_RESERVE)

    def attempt(self, account: str, source: str) -> int:
        """Count an attempt as failed; returns 0, or the seconds to wait before the next one."""
        limits = [FREE_FOR_ACCOUNT, FREE_FOR_SOURCE, WINDOW_SECONDS, LONGEST_WAIT_SECONDS]
        return int(cast(int, self._reserve(keys=_keys(account, source), args=limits)))

    def succeeded(self, account: str, source: str) -> None:
        """The attempt was none: forget the account's failures, and this one of the source."""
        account_key, source_key = _keys(account, source)
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(account_key)
            pipeline.hincrby(source_key, "count", -1)
            pipeline.expire(source_key, WINDOW_SECONDS)
            pipeline.execute()


def _keys(account: str, source: str) -> list[str]:
    names = (f"account {account}", f"source {source}")
    hashed = (hashlib.sha256(name.encode("utf-8", "surrogatepass")) for name in names)
    return [keys.sign_in_failures(each.hexdigest()) for each in hashed]
