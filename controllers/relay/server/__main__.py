"""``python -m controllers.relay.server``."""

import asyncio
import os
import sys

from controllers.environment import SettingsError
from controllers.relay import event_loop
from controllers.relay.server.app import RelayServer
from controllers.relay.server.settings import Settings


def main() -> int:
    """Run until a signal; 2 when a setting or an address cannot be used."""
    try:
        settings = Settings.from_env(os.environ)

        async def run(stop: asyncio.Event) -> None:
            await RelayServer(settings).run(stop)

        event_loop.run(run, settings.loop)
    except (SettingsError, OSError) as failure:
        sys.stderr.write(f"relay-server: {failure}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
