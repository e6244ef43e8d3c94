"""``python -m controllers.relay.client``."""

import asyncio
import os
import sys

from controllers.environment import SettingsError
from controllers.relay import event_loop
from controllers.relay.client.app import RelayClient
from controllers.relay.client.kubernetes import KubernetesError
from controllers.relay.client.settings import Settings


def main() -> int:
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
