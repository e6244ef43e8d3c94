"""What the control-manager is told at its start."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controllers import environment
from controllers.control.signer import HubKeyFile
from controllers.store.address import redis_url

HTTP = ("http", "https")


@dataclass(frozen=True)
class Settings:
    """Addresses of what it talks to, the token of the relay-server, the key that clusters know."""

    redis_url: str
    thanos_url: str
    relay_url: str
    relay_token: str
    hub_key: HubKeyFile
    listen_host: str
    listen_port: int
    invitations_dir: Path | None = None
    """A folder with a file for each cluster that was invited where Neurox is installed."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Settings from NEUROX_ variables; SettingsError when one cannot be used."""
        listen = environment.address(env, "NEUROX_CONTROL_LISTEN")
        return cls(
            redis_url=redis_url(env),
            thanos_url=environment.url(env, "NEUROX_THANOS_URL", HTTP),
            relay_url=environment.url(env, "NEUROX_RELAY_URL", HTTP),
            relay_token=environment.secret(env, "NEUROX_RELAY_TOKEN_FILE"),
            hub_key=HubKeyFile(Path(environment.given(env, "NEUROX_HUB_KEY_FILE"))),
            listen_host=listen.host,
            listen_port=listen.port,
            invitations_dir=environment.folder(env, "NEUROX_INVITATIONS_DIR"),
        )
