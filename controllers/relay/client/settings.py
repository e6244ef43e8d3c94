"""What the relay-client is told at its start."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from controllers import environment
from controllers.environment import Address, SettingsError
from controllers.relay.event_loop import LOOPS
from controllers.relay.proxy import DIRECT, Proxies

_WRITE_TOKEN = "NEUROX_RELAY_WRITE_TOKEN_FILE"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class Settings:
    """Files and addresses. Without a kubeconfig the pod's own account is used."""

    manager: Address
    metrics_listen: Address
    join_file: Path | None = None
    kubeconfig: Path | None = None
    namespace: str = "neurox-system"
    drain_seconds: float = 60.0
    rotate_days: float = 30.0
    instance: str = "relay-client"
    write_token: str = field(default="", repr=False)
    """What who writes metrics shows; else that of the Secret."""
    loop: str = "uvloop"
    proxies: Proxies = DIRECT
    """To the control plane; nothing inside the cluster is reached through one."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Settings from NEUROX_ variables; SettingsError when one cannot be used."""
        return cls(
            manager=environment.address(env, "NEUROX_RELAY_MANAGER"),
            metrics_listen=environment.address(env, "NEUROX_RELAY_METRICS_LISTEN"),
            join_file=environment.path(env, "NEUROX_RELAY_JOIN_FILE"),
            kubeconfig=environment.path(env, "NEUROX_RELAY_KUBECONFIG"),
            namespace=env.get("NEUROX_NAMESPACE", "").strip() or "neurox-system",
            drain_seconds=environment.number(env, "NEUROX_RELAY_DRAIN_SECONDS", 60.0),
            rotate_days=_days(env, "NEUROX_RELAY_ROTATE_DAYS"),
            instance=f"{socket.gethostname()}-{os.getpid()}",
            write_token=(
                environment.secret(env, _WRITE_TOKEN) if env.get(_WRITE_TOKEN, "").strip() else ""
            ),
            loop=environment.choice(env, "NEUROX_RELAY_LOOP", LOOPS),
            proxies=Proxies.from_env(env),
        )


def _days(env: Mapping[str, str], name: str) -> float:
    days = environment.number(env, name, 30.0)
    if not days:
        raise SettingsError(f"{name} must be more than 0 (chart value: relayClient.rotateDays)")
    return days
