"""Passwords: argon2id, off the event loop, and as slow for an unknown user as for a known one."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import gevent
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from gevent.hub import Hub
from gevent.threadpool import ThreadPool

THREADS = 2
"""Each hash takes 19 MiB and a core for 20 ms; more at once would only starve other requests."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_nobody = _hasher.hash("the password of no one")
_pools: WeakKeyDictionary[Hub, ThreadPool] = WeakKeyDictionary()

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def hash_password(password: str) -> str:
    """The Argon2id hash of ``password`` in its standard text form."""
    return _off_the_loop(_hasher.hash, password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is right; without a hash it takes as long and is False."""
    right = _off_the_loop(_verify, password_hash or _nobody, password)
    return right and password_hash is not None


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _off_the_loop(
    step: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Run in a real thread: argon2 lets go of the interpreter, so others are served meanwhile."""
    hub = gevent.get_hub()
    pool = _pools.get(hub)
    if pool is None:
        pool = _pools.setdefault(hub, ThreadPool(THREADS, hub=hub))
    result: Result = pool.apply(step, args, kwargs)
    return result
