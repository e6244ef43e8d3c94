"""Start of the workload-manager: settings, watches, server, and the one loop."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from controllers.loop import Shutdown, run_every
from controllers.workload.app import Manager
from controllers.workload.kube import KubeError
from controllers.workload.settings import Settings, SettingsError
from controllers.workload.steering import PASS_SECONDS, SETTLE_SECONDS

log = logging.getLogger("controllers.workload")


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m controllers.workload", description=__doc__)
    parser.add_argument("--once", action="store_true", help="one pass over everything, then end")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    return parser.parse_args(argv)


def run(argv: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Run until a signal; answers the exit status."""
    arguments = _arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    shutdown = Shutdown.on_signals()
    try:
        settings = Settings.from_env(os.environ)
        manager = Manager(settings, shutdown, arguments.dry_run)
        if arguments.once:
            manager.once()
            manager.resign()
            return 0
        server = manager.serve(settings.listen_host, settings.listen_port)
    except (SettingsError, KubeError, OSError) as error:
        log.error("cannot start: %s", error)
        return 2
    manager.watch()
    log.info("listening on %s:%d", *server.server_address[:2])
    run_every(PASS_SECONDS, manager.step, shutdown, SETTLE_SECONDS)
    manager.resign()
    server.server_close()
    return 0
