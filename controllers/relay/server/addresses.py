"""The control plane's own addresses and CAs, as the relay-server tells them to clusters."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from controllers.environment import SettingsError
from controllers.relay import hub_place, message
from controllers.relay.hub_place import PlaceError, Places

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0


class Addresses:
    """What the settings say; the files of CAs are read again, for a Secret may change."""

    def __init__(self, urls: Sequence[str], ca_files: Sequence[Path]) -> None:
        self._urls, self._ca_files = urls, ca_files
        self._complained = ""
        self.told: tuple[message.Hub, ...] = ()
        """What each link is told; nothing while no address is set."""
        if urls:
            try:
                self.told = hub_place.pieces(self._read())
            except (OSError, UnicodeError, PlaceError) as failure:
                raise SettingsError(
                    f"NEUROX_RELAY_PUBLIC_URL, NEUROX_RELAY_FORMER_URLS, NEUROX_RELAY_CA_FILE: "
                    f"{failure}"
                ) from None

    def changed(self) -> bool:
        """Look again; what cannot be read now stays as it was."""
        if not self._urls:
            return False
        before = self.told
        try:
            self.told = hub_place.pieces(self._read())
        except (OSError, UnicodeError, PlaceError) as failure:
            if str(failure) != self._complained:
                log.error("the CAs that clusters are told stay as they are: %s", failure)
            self._complained = str(failure)
        return self.told != before

    def _read(self) -> Places:
        found = "\n".join(file.read_text().strip() for file in self._ca_files)
        return hub_place.checked(self._urls, found)


async def watch(addresses: Addresses, tell: Callable[[], None]) -> None:
    """Tell of other CAs, for ever."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if addresses.changed():
            log.info("there are other CAs to trust; telling every cluster")
            tell()
