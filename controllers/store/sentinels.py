"""A ``redis+sentinel://`` URL: who knows where Redis is, and how it is entered there."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from redis import SSLConnection
from redis.connection import parse_url

PORT = 26379


@dataclass(frozen=True)
class Sentinels:
    """``redis`` and ``own`` are options of connections: to Redis, and to the Sentinels."""

    hosts: list[tuple[str, int]]
    service: str
    redis: dict[str, Any]
    own: dict[str, Any]


def sentinels(url: str) -> Sentinels | None:
    """What the URL says; None when it is that of Redis itself."""
    parts = urlsplit(url)
    scheme, plus, _ = parts.scheme.partition("+")
    if not plus:
        return None
    user, at, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    # The library's own parser reads the rest, as of one plain host.
    plain = parts._replace(scheme=scheme, netloc=f"{user}{at}sentinel", path=f"/{database}")
    redis: dict[str, Any] = dict(parse_url(plain.geturl()))
    del redis["host"]
    password = redis.pop("sentinel_password", None)
    redis["ssl"] = redis.pop("connection_class", None) is SSLConnection
    own = {name: value for name, value in redis.items() if name.startswith("ssl")}
    if not redis["ssl"]:
        del redis["ssl"], own["ssl"]
    if password is not None:
        own["password"] = password
    return Sentinels([_address(each) for each in hosts.split(",")], service, redis, own)


def _address(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    return parts.hostname or "", parts.port or PORT
