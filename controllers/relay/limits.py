"""The figures both sides of ``neurox-relay.v1`` agree on: bytes, seconds, counts."""

from dataclasses import dataclass

PROTOCOL = "neurox-relay.v1"
"""The WebSocket sub-protocol; a breaking change gets a new name."""

FRAME_BYTES = 1024 * 1024
"""Longest data frame that is accepted."""
SEND_BYTES = 256 * 1024
"""Longest data frame that is sent."""
TEXT_BYTES = 4096
"""Longest control message."""
COPY_BYTES = 64 * 1024
"""Longest piece that is copied or masked at once: memory of that size is at hand again at once."""
HELD_BYTES = 256 * 1024
"""Early data kept while the target is being dialled."""
TURN_BYTES = 256 * 1024
"""What one connection may read before all others had their turn."""
HIGH_WATER_BYTES = 256 * 1024
"""Unsent bytes of one connection at which its source is paused."""

UNSENT_BYTES = 4 * HIGH_WATER_BYTES
"""Unsent bytes at which a link is given up: its peer asks and never reads the answers."""

HEAD_BYTES = 8192
HEAD_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 75.0
DIAL_SECONDS = 5.0
RESET_SECONDS = 5.0
"""How long a reset may stay unconfirmed before the connection is given up."""

JOIN_BYTES = 16 * 1024
WRITE_BYTES = 32 * 1024 * 1024
WRITES_PER_CLUSTER = 8
CONNECTIONS_PER_CLUSTER = 64
STREAMS_PER_CLUSTER = 48
UNAUTHENTICATED_SOCKETS = 2000

TOKEN_SECONDS = 60
SKEW_SECONDS = 120
USED_SECONDS = TOKEN_SECONDS + 2 * SKEW_SECONDS
"""How long a used token is remembered: the longest that any clock could take it for good."""


SHORTEST_PING_SECONDS = 1.0
LONGEST_PING_SECONDS = 60.0


@dataclass(frozen=True)
class Timing:
    """How often a link is probed, in seconds; the server decides and tells its clients."""

    ping: float = 20.0

    @property
    def dead(self) -> float:
        """After so many seconds without a byte the peer is gone: 45, or two pings and some."""
        return 2.25 * self.ping

    @classmethod
    def asked(cls, ping: float) -> "Timing":
        """What a client makes of a server's wish: from once a second to once a minute."""
        return cls(min(max(SHORTEST_PING_SECONDS, ping), LONGEST_PING_SECONDS))


@dataclass(frozen=True)
class Allowance:
    """What a relay-server lets one cluster have, and all strangers together; each is a setting."""

    connections: int = CONNECTIONS_PER_CLUSTER
    streams: int = STREAMS_PER_CLUSTER
    writes: int = WRITES_PER_CLUSTER
    """Metrics requests under way."""
    write_bytes: int = WRITE_BYTES
    """Of one metrics request."""
    bytes_per_second: int = 0
    """Of all streams together, both ways; 0: as many as there are."""
    dial_seconds: int = int(DIAL_SECONDS)
    """For the cluster to reach its target."""
    unsent_bytes: int = HIGH_WATER_BYTES
    """Of one connection, at which its source is paused."""
    sockets: int = UNAUTHENTICATED_SOCKETS
    """Connections of whoever has not shown a token yet."""


@dataclass(frozen=True)
class PoolSize:
    """Connections that a client keeps: idle at least, at the start, and in all."""

    min: int = 4
    start: int = 8
    max: int = CONNECTIONS_PER_CLUSTER

    def bounded(self) -> "PoolSize":
        """What a client makes of a server's wish: never more than the protocol allows."""
        most = min(max(1, self.max), CONNECTIONS_PER_CLUSTER)
        return PoolSize(min(max(1, self.min), most), min(max(1, self.start), most), most)
