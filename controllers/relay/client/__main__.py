"""``python -m controllers.relay.client``, the command ``neurox-relay``."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from controllers.environment import SettingsError
from controllers.relay import event_loop
from controllers.relay.client import check
from controllers.relay.client.app import RelayClient
from controllers.relay.client.kubernetes import KubernetesError
from controllers.relay.client.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; without a word, be the relay-client."""
    parser = argparse.ArgumentParser(
        prog="neurox-relay",
        description="Keeps this cluster connected with the control plane. Without a command it "
        "runs until it is stopped; it is told by its environment.",
    )
    parser.set_defaults(command=_run)
    check.add(parser.add_subparsers(metavar="COMMAND"))
    asked = parser.parse_args(arguments)
    status: int = asked.command(asked)
    return status


def _run(_asked: argparse.Namespace) -> int:
    """Run until a signal; 2 when a setting, a file or an address cannot be used."""
    try:
        settings = Settings.from_env(os.environ)

        async def run(stop: asyncio.Event) -> None:
            await RelayClient(settings).run(stop)

        event_loop.run(run, settings.loop)
    except (SettingsError, KubernetesError, OSError) as failure:
        sys.stderr.write(f"relay-client: {failure}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
