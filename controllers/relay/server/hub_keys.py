"""The control plane's public keys, as the relay-server hands them to clusters."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from controllers.environment import SettingsError
from controllers.relay.hub_key import HubKey, read_chain
from controllers.relay.identity import IdentityError

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0


class HubKeys:
    """The chain that a file holds, oldest first; without a file, none is known."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._complained = ""
        self.chain: tuple[HubKey, ...] = ()
        if path is not None:
            try:
                self.chain = read_chain(path.read_bytes())
            except (OSError, IdentityError) as failure:
                raise SettingsError(f"NEUROX_HUB_KEYS_FILE {str(path)!r}: {failure}") from None

    def changed(self) -> bool:
        """Look again; what cannot be read now stays as it was."""
        if self._path is None:
            return False
        before = self.chain
        try:
            self.chain = read_chain(self._path.read_bytes())
        except (OSError, IdentityError) as failure:
            if str(failure) != self._complained:
                log.error("the hub's keys stay as they are: %s", failure)
            self._complained = str(failure)
        return self.chain != before


async def watch(keys: HubKeys, tell: Callable[[], None]) -> None:
    """Tell of a successor, for ever."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if keys.changed():
            log.info("the hub has a new key; telling every cluster")
            tell()
