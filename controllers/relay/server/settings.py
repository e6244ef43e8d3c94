"""What the relay-server is told at its start."""

import re
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from controllers import environment
from controllers.environment import Address, SettingsError
from controllers.relay.event_loop import LOOPS
from controllers.relay.limits import (
    LONGEST_PING_SECONDS,
    SHORTEST_PING_SECONDS,
    Allowance,
    PoolSize,
    Timing,
)
from controllers.relay.server.gateway import INWARDS
from controllers.store.address import redis_url

TENANT_HEADER = "THANOS-TENANT"
TAKEN = {"host", "connection", "content-length", "transfer-encoding", *INWARDS}
"""What a request holds anyhow."""
LIMITS = {
    "connections": "NEUROX_RELAY_LIMIT_CONNECTIONS",
    "streams": "NEUROX_RELAY_LIMIT_STREAMS",
    "writes": "NEUROX_RELAY_LIMIT_WRITES",
    "write_bytes": "NEUROX_RELAY_LIMIT_WRITE_BYTES",
    "bytes_per_second": "NEUROX_RELAY_LIMIT_BYTES_PER_SECOND",
    "dial_seconds": "NEUROX_RELAY_LIMIT_DIAL_SECONDS",
    "unsent_bytes": "NEUROX_RELAY_LIMIT_UNSENT_BYTES",
    "sockets": "NEUROX_RELAY_LIMIT_SOCKETS",
}
"""The variable of each allowance."""


@dataclass(frozen=True)
class Settings:
    """Addresses, files and limits. Without a certificate TLS ends in front of the server."""

    listen: Address
    internal_listen: Address
    redis_url: str = field(repr=False)
    receive_url: str
    service_token: str = field(repr=False)
    tenant_header: str = TENANT_HEADER
    hub_keys: Path | None = None
    public_urls: tuple[str, ...] = ()
    """By which clusters reach the control plane, the current one first; told over links."""
    ca_files: tuple[Path, ...] = ()
    """With the CAs that they are to trust there; none: those of their systems."""
    certificate: Path | None = None
    key: Path | None = None
    drain_seconds: float = 60.0
    replica: str = "relay"
    loop: str = "uvloop"
    timing: Timing = field(default_factory=Timing)
    pool: PoolSize = field(default_factory=PoolSize)
    allowance: Allowance = field(default_factory=Allowance)
    peers: tuple[Address, ...] = ()
    """Names behind which the other replicas are found."""
    advertise: Address | None = None
    """Where they find this one."""

    @property
    def advertised(self) -> Address:
        """The internal port as others reach it."""
        return self.advertise or self.internal_listen

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Settings from NEUROX_ variables; SettingsError when one cannot be used."""
        certificate = environment.path(env, "NEUROX_RELAY_TLS_CERT_FILE")
        key = environment.path(env, "NEUROX_RELAY_TLS_KEY_FILE")
        if (certificate is None) is not (key is None):
            raise SettingsError(
                "NEUROX_RELAY_TLS_CERT_FILE and NEUROX_RELAY_TLS_KEY_FILE are set together or "
                "not at all"
            )
        return cls(
            listen=environment.address(env, "NEUROX_RELAY_LISTEN"),
            internal_listen=environment.address(env, "NEUROX_RELAY_INTERNAL_LISTEN"),
            redis_url=redis_url(env),
            receive_url=environment.url(env, "NEUROX_RELAY_RECEIVE_URL", ("http", "https")),
            service_token=environment.secret(env, "NEUROX_RELAY_TOKEN_FILE"),
            tenant_header=_header(env, "NEUROX_RELAY_TENANT_HEADER"),
            certificate=certificate,
            key=key,
            hub_keys=environment.path(env, "NEUROX_HUB_KEYS_FILE"),
            public_urls=_public_urls(env),
            ca_files=tuple(map(Path, _listed(env, "NEUROX_RELAY_CA_FILE"))),
            drain_seconds=environment.number(env, "NEUROX_RELAY_DRAIN_SECONDS", 60.0),
            timing=Timing(_ping(env, "NEUROX_RELAY_PING_SECONDS")),
            replica=env.get("NEUROX_RELAY_REPLICA", "").strip() or socket.gethostname(),
            loop=environment.choice(env, "NEUROX_RELAY_LOOP", LOOPS),
            allowance=_allowance(env),
            peers=_addresses(env, "NEUROX_RELAY_PEERS"),
            advertise=next(iter(_addresses(env, "NEUROX_RELAY_ADVERTISE")), None),
        )


def _allowance(env: Mapping[str, str]) -> Allowance:
    """Each limit that is given, a whole number; SettingsError for anything else."""
    given = {}
    for limit, usual in asdict(Allowance()).items():
        name = LIMITS[limit]
        value = environment.number(env, name, usual)
        least = 0 if usual == 0 else 1
        if value != int(value) or value < least:
            raise SettingsError(f"{name} must be a whole number of at least {least}")
        given[limit] = int(value)
    return Allowance(**given)


def _addresses(env: Mapping[str, str], name: str) -> tuple[Address, ...]:
    """HOST:PORT, none or several by commas."""
    return tuple(environment.address({name: each}, name) for each in _listed(env, name))


def _listed(env: Mapping[str, str], name: str) -> list[str]:
    return [each.strip() for each in env.get(name, "").split(",") if each.strip()]


def _public_urls(env: Mapping[str, str]) -> tuple[str, ...]:
    current = _listed(env, "NEUROX_RELAY_PUBLIC_URL")
    former = _listed(env, "NEUROX_RELAY_FORMER_URLS")
    if former and len(current) != 1:
        raise SettingsError("NEUROX_RELAY_FORMER_URLS needs one NEUROX_RELAY_PUBLIC_URL")
    return (*current, *former)


def _ping(env: Mapping[str, str], name: str) -> float:
    seconds = environment.number(env, name, Timing.ping)
    if not SHORTEST_PING_SECONDS <= seconds <= LONGEST_PING_SECONDS:
        raise SettingsError(
            f"{name} must be from {SHORTEST_PING_SECONDS:g} to {LONGEST_PING_SECONDS:g}, not "
            f"{seconds:g} (chart value: relayServer.pingSeconds)"
        )
    return seconds


def _header(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip() or TENANT_HEADER
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", value) or value.lower() in TAKEN:
        raise SettingsError(
            f"{name} must be a header of its own, as {TENANT_HEADER}, not {value!r}"
        )
    return value
