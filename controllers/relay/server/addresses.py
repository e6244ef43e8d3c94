"""The control plane's own addresses and CAs, as the relay-server tells them to clusters."""

from collections.abc import Sequence
from pathlib import Path

from controllers.environment import SettingsError
from controllers.relay import hub_place, message
from controllers.relay.hub_place import PlaceError
from controllers.relay.server.reread import Reread

FAILURES = (OSError, UnicodeError, PlaceError)


class Addresses:
    """What the settings say; the files of CAs are read again, for a Secret may change."""

    def __init__(self, urls: Sequence[str], ca_files: Sequence[Path]) -> None:
        self._urls, self._ca_files = urls, ca_files
        try:
            self._pieces = Reread("the CAs that clusters are told", self._read, FAILURES)
        except FAILURES as failure:
            raise SettingsError(
                f"NEUROX_RELAY_PUBLIC_URL, NEUROX_RELAY_FORMER_URLS, NEUROX_RELAY_CA_FILE: "
                f"{failure}"
            ) from None

    @property
    def told(self) -> tuple[message.Hub, ...]:
        """What each link is told; nothing while no address is set."""
        return self._pieces.value

    def changed(self) -> bool:
        """Look again; what cannot be read now stays as it was."""
        return self._pieces.changed()

    def _read(self) -> tuple[message.Hub, ...]:
        if not self._urls:
            return ()
        found = "\n".join(file.read_text().strip() for file in self._ca_files)
        return hub_place.pieces(hub_place.checked(self._urls, found))
