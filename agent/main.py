"""The agent's life: settings, threads, and an orderly end on SIGTERM or SIGINT."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from agent import journal
from agent.dcgm.page import DcgmPage, generations
from agent.dcgm.rates import Rates
from agent.devices import Devices
from agent.environment import SettingsError, joined
from agent.native import NativePage
from agent.nvml.driver import Driver
from agent.nvml.errors import DriverUnavailable
from agent.pages import Page
from agent.sampler import Sampler
from agent.server import MetricsServer
from agent.settings import Settings
from agent.sources import Sources

_T = TypeVar("_T")
log = logging.getLogger(__name__)

_STOP_SECONDS = 4.0
"""A driver call that hangs longer than this is left behind."""
_DRAINS: dict[int, bool] = {signal.SIGUSR1: True, signal.SIGUSR2: False}
_SIGNALS = {signal.SIGTERM, signal.SIGINT, *_DRAINS}


def run() -> None:
    """Run the agent until a signal; the process exits with 2 on a bad setting."""
    journal.write()
    try:
        sys.exit(serve(Settings.from_env(os.environ)))
    except SettingsError as error:
        sys.stderr.write(f"neurox-agent: {journal.plain(str(error))}\n")
        sys.exit(2)


def serve(settings: Settings) -> int:
    """Sample and serve until SIGTERM or SIGINT; returns the exit code."""
    sources = Sources.of(settings)
    try:
        devices = Devices(Driver(settings.detail), sources.sight.proc, settings.interval)
    except DriverUnavailable as error:
        raise SettingsError(str(error)) from error
    sampler = Sampler(devices, sources.attribution, sources.kubelet)
    server = _listen(settings, sampler)
    # Blocked, so that all threads to come have them blocked, and taken one by one: a handler of
    # Python's that is called just before the main thread waits would run only when that is over.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    stop = threading.Event()
    sample = partial(sampler.run, interval=settings.interval)
    threads = [_started("sampler", sample, stop), _started("http", _serve, server)]
    for name, follow in sources.threads():
        _started(name, follow, stop)  # Not waited for at the end: it may hang in a read.
    at = joined(settings.host, server.server_address[1])
    log.info("node %s on http://%s/metrics", settings.node, at)
    while (number := signal.sigwait(_SIGNALS)) in _DRAINS:
        sampler.drain(_DRAINS[number])
    stop.set()
    server.shutdown()
    server.server_close()
    for thread in threads:
        thread.join(_STOP_SECONDS)
    log.info("stopped")
    return 0


def _listen(settings: Settings, sampler: Sampler) -> MetricsServer:
    pages = _pages(settings, sampler)
    address = (settings.host, settings.port)
    try:
        return MetricsServer(address, pages, lambda: sampler.snapshot is not None)
    except OSError as error:
        at = joined(settings.host, settings.port)
        raise SettingsError(f"NEUROX_AGENT_LISTEN={at}: {error.strerror}") from error


def _pages(settings: Settings, sampler: Sampler) -> dict[str, Page]:
    native = NativePage(settings.node)
    pages = {"/metrics": Page(lambda: sampler.snapshot, native.text, native.age)}
    if chosen := generations(settings.dcgm):
        rates = Rates()
        sampler.followers.append(rates.follow)
        dcgm = DcgmPage(settings.node, chosen, rates, estimate=settings.dcgm_estimate)
        pages["/dcgm/metrics"] = Page(lambda: sampler.snapshot, dcgm.text)
    return pages


def _serve(server: MetricsServer) -> None:
    server.serve_forever(poll_interval=0.2)


def _started(name: str, target: Callable[[_T], None], argument: _T) -> threading.Thread:
    # Daemons, since a driver call that never returns must not keep the agent alive.
    thread = threading.Thread(target=target, args=(argument,), name=name, daemon=True)
    thread.start()
    return thread
