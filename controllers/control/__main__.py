"""Start the control-manager: ``python -m controllers.control``."""

import logging
import os
import sys

from redis import Redis
from redis.exceptions import RedisError

from controllers.control.beats import Beats
from controllers.control.health import ControlMetrics, Health
from controllers.control.leader import RENEW_SECONDS, Leader
from controllers.control.settings import Settings
from controllers.control.term import Term
from controllers.environment import SettingsError
from controllers.loop import Shutdown
from controllers.store.connection import connect

log = logging.getLogger("controllers.control")

STANDBY_SECONDS = 1.0


def main() -> int:
    """Lead or stand by until a signal; the exit status."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        log.error("%s", error)
        return 2
    shutdown, beats, redis = Shutdown.on_signals(), Beats(), connect(settings.redis_url)
    leader = Leader(redis)
    metrics = ControlMetrics(redis, leader, beats)
    try:
        health = Health((settings.listen_host, settings.listen_port), redis, metrics)
    except OSError as error:
        log.error("NEUROX_CONTROL_LISTEN cannot be used: %s", error)
        return 2
    health.start()
    log.info("answering on %s:%d", settings.listen_host, health.port)
    while not shutdown.requested:
        if elected(leader):
            lead(settings, redis, leader, beats, shutdown)
        shutdown.sleep(STANDBY_SECONDS)
    health.close()
    return 0


def elected(leader: Leader) -> bool:
    """Whether this process leads now; no when Redis does not answer."""
    try:
        return leader.acquire()
    except RedisError as failure:
        log.warning("cannot ask for the lead: %s", failure)
        return False


def lead(
    settings: Settings, redis: Redis, leader: Leader, beats: Beats, shutdown: Shutdown
) -> None:
    """Run all loops for as long as the lease holds and nobody asks for the end."""
    log.info("leading")
    term = Term(settings, redis, leader, beats)
    term.start()
    while not shutdown.requested and leader.held:
        shutdown.sleep(RENEW_SECONDS)
        try:
            leader.renew()
        except RedisError as failure:
            log.warning("cannot renew the lead: %s", failure)
    log.info("no longer leading")
    term.end()
    beats.clear()
    try:
        leader.release()
    except RedisError as failure:
        log.warning("cannot give up the lead, it ends by itself: %s", failure)


if __name__ == "__main__":
    sys.exit(main())
