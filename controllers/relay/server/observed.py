"""What is measured while it happens, and cannot be counted afterwards."""

import asyncio
from collections import Counter

from prometheus_client import Histogram

from controllers.relay.succession import REFUSALS

PREFIX = "neurox_relay_server_"
LAG_SECONDS = 1.0
CODES = frozenset({"broken", "deadline", "drained", "confirmed"})
"""Codes of resets that relays of ours send; a stranger's word becomes no label."""
ROTATIONS = ("done", "again", "unproven", *REFUSALS, "failed")
"""What becomes of a new key; ``failed``: the cluster could not make or keep it."""
REVOCATIONS = ("no_access", "old_key")
"""Why a key is good no more: the cluster has none, or others than this one."""
_OPEN_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class Observed:
    """Times and resets, of all clusters together: a label a cluster would be a series a bucket."""

    def __init__(self) -> None:
        self.open_seconds = Histogram(
            PREFIX + "open_seconds",
            "Time to open a stream: the wait for a connection, and the cluster's dial.",
            ["part"],
            buckets=_OPEN_BUCKETS,
            registry=None,
        )
        self._wait = self.open_seconds.labels("wait")
        self._dial = self.open_seconds.labels("dial")
        self.loop_lag_seconds = Histogram(
            PREFIX + "event_loop_lag_seconds",
            "How late the event loop was, looked at once a second.",
            buckets=_LAG_BUCKETS,
            registry=None,
        )
        self.resets: Counter[tuple[str, str]] = Counter()
        """By side and code."""
        self.rotations: Counter[str] = Counter(dict.fromkeys(ROTATIONS, 0))
        """By outcome."""
        self.revoked: Counter[tuple[str, str]] = Counter(
            {(kind, reason): 0 for kind in ("connection", "write") for reason in REVOCATIONS}
        )
        """By kind and reason."""

    def opened(self, waited: float, dialled: float) -> None:
        """A stream is open: seconds until a connection was free, and from then on."""
        self._wait.observe(waited)
        self._dial.observe(dialled)

    def reset(self, side: str, code: str) -> None:
        """A stream was cut by the ``server`` or the ``client``."""
        self.resets[side, code if code in CODES else "other"] += 1

    def cut(self, kind: str, count: int, keys_left: bool) -> None:
        """So many connections, or writes, were cut because their key was taken back."""
        self.revoked[kind, REVOCATIONS[keys_left]] += count

    async def watch_loop(self) -> None:
        """Observe the event loop's lag, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            self.loop_lag_seconds.observe(max(0.0, loop.time() - due))
