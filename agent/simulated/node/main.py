"""The simulated node's life: settings, two loops, and an orderly end on SIGTERM or SIGINT."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

from agent import journal
from agent.environment import SettingsError
from agent.kubelet import POLL_SECONDS
from agent.simulated.node.plugin import Plugin
from agent.simulated.node.registration import Registration
from agent.simulated.node.scenario import gpu_uuids
from agent.simulated.node.settings import Settings
from agent.simulated.node.writer import ScenarioWriter

log = logging.getLogger(__name__)

REGISTRATION_SECONDS = 1.0


def run() -> None:
    """Run until a signal; the process exits with 2 on a bad setting."""
    journal.write()
    try:
        asyncio.run(serve(Settings.from_env(os.environ)))
    except SettingsError as error:
        sys.stderr.write(f"neurox-simulated-node: {error}\n")
        sys.exit(2)


async def serve(settings: Settings) -> None:
    """Keep the plugin registered and the scenario true until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    writer = ScenarioWriter(settings)
    writer.write_idle()
    plugin = Plugin(gpu_uuids(settings.cluster, settings.node, settings.gpus))
    registration = Registration(settings.device_plugins, plugin)
    log.info("node %s has %d simulated %s", settings.node, settings.gpus, settings.model.product)
    await asyncio.gather(
        _every(REGISTRATION_SECONDS, registration.step, stop),
        _every(POLL_SECONDS, lambda: asyncio.to_thread(writer.step), stop),
    )
    await registration.close()


async def _every(seconds: float, step: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Call ``step`` until ``stop``; a failed step is logged and tried again."""
    while not stop.is_set():
        try:
            await step()
        except Exception:
            log.exception("step failed, next try in %gs", seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
