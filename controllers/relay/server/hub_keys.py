"""The control plane's public keys, as the relay-server hands them to clusters."""

from pathlib import Path

from controllers.environment import SettingsError
from controllers.relay.hub_key import HubKey, read_chain
from controllers.relay.identity import IdentityError
from controllers.relay.server.reread import Reread

FAILURES = (OSError, IdentityError)


class HubKeys:
    """The chain that a file holds, oldest first; without a file, none is known."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        try:
            self._chain = Reread("the hub's keys", self._read, FAILURES)
        except FAILURES as failure:
            raise SettingsError(f"NEUROX_HUB_KEYS_FILE {str(path)!r}: {failure}") from None

    @property
    def chain(self) -> tuple[HubKey, ...]:
        """As last read."""
        return self._chain.value

    def changed(self) -> bool:
        """Look again; what cannot be read now stays as it was."""
        return self._chain.changed()

    def _read(self) -> tuple[HubKey, ...]:
        return () if self._path is None else read_chain(self._path.read_bytes())
