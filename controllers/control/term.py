"""What a control-manager does while it leads: all loops, a thread each."""

import logging
import threading
import time
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

from controllers.control.beats import Beats
from controllers.control.dispatch import Dispatch
from controllers.control.gpus import GpuLoop
from controllers.control.invitations import Invitations
from controllers.control.leader import Leader
from controllers.control.policy import Policies, PolicyLoop
from controllers.control.relayed import RelayedManager
from controllers.control.settings import Settings
from controllers.control.sweep import Sweep
from controllers.control.sync import Sync
from controllers.control.thanos import Thanos
from controllers.loop import Shutdown, run_every
from controllers.store.clusters import Clusters
from controllers.store.gpus import Gpus
from controllers.store.intents import Intents
from controllers.store.states import States

log = logging.getLogger(__name__)
SECONDS = {
    "sync": 1.0,
    "policy": 1.0,
    "dispatch": 0.25,
    "gpus": 5.0,
    "sweep": 30.0,
    "invitations": 2.0,
}
"""Between two passes of each loop."""
JOIN_SECONDS = 3.0


class Term:
    """The loops, from ``start`` to ``end``."""

    def __init__(self, settings: Settings, redis: Redis, leader: Leader, beats: Beats) -> None:
        clusters, states, intents = Clusters(redis), States(redis), Intents(redis)
        policies = Policies(redis, clusters, states)

        lives: dict[str, str] = {}

        def connect(cluster_id: str) -> RelayedManager:
            return RelayedManager(
                settings.relay_url, settings.relay_token, cluster_id, settings.hub_key.keys, lives
            )

        gpus = GpuLoop(clusters, states, Gpus(redis), Thanos(settings.thanos_url))
        self._shutdowns = {name: Shutdown() for name in SECONDS}
        ended = self._shutdowns["sync"]
        # Of this term: a thread that begins as it ends must not go on in the next one.
        self._sync = Sync(clusters, states, connect, lambda: leader.held and not ended.requested)
        dispatch = Dispatch(clusters, states, intents, policies, connect)
        steps = {
            "sync": self._sync.step,
            "policy": PolicyLoop(policies, states, connect).step,
            "dispatch": dispatch.step,
            "gpus": gpus.step,
            "sweep": Sweep(clusters, states, intents).step,
            "invitations": Invitations(redis, clusters, settings.invitations_dir).step,
        }
        # Daemons: a call in flight must not hold up the end of the process.
        self._threads = [
            threading.Thread(
                target=run_every,
                args=(SECONDS[name], _leading(leader, beats, name, step), self._shutdowns[name]),
                name=name,
                daemon=True,
            )
            for name, step in steps.items()
        ]

    def start(self) -> None:
        """Begin all loops."""
        for thread in self._threads:
            thread.start()

    def end(self, seconds: float = JOIN_SECONDS) -> None:
        """Ask all loops to end, and give their passes so many seconds in all."""
        until = time.monotonic() + seconds
        for shutdown in self._shutdowns.values():
            shutdown.request()
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._sync.close()


def _leading(
    leader: Leader, beats: Beats, name: str, step: Callable[[], None]
) -> Callable[[], None]:
    """``step``, only while this process leads; each good pass leaves a beat.

    Without Redis every pass fails: that is said once, not four times a second.
    """
    failing = False

    def guarded() -> None:
        nonlocal failing
        if not leader.held:
            return
        try:
            step()
        except RedisError as failure:
            if not failing:
                log.warning("%s: Redis does not answer: %s", name, failure)
            failing = True
            return
        failing = False
        if leader.held:  # else the beats were cleared, or will be
            beats.mark(name)

    return guarded
