"""``python -m portal.check``: asks each part of an installation whether it is ready.

``helm test`` runs it. One line a part; the exit status is 1 when one does not answer as it should.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import urllib3

from portal import round_trip

SECONDS = 10.0
PAUSE_SECONDS = 0.5
TENANT = {"THANOS-TENANT": "neurox-check"}
"""Nobody's: the api shows a cluster's series by the cluster's own tenant."""
PARTS = {
    "portal": ("/healthz", 200),
    "api": ("/api/v1/readyz", 200),
    "auth": ("/auth/readyz", 200),
    "sign-in page": ("/auth/sign-in", 200),
    # It lets nobody in who shows no token; that it says so shows that it is there.
    "relay-server": ("/relay/v1/join", 403),
    # Ready is who is connected to the control plane.
    "tunnel": ("/readyz", 200),
}


def pool(url: str, connect: str, ca: str | None) -> urllib3.HTTPConnectionPool:
    """Connections to ``connect``, HOST:PORT, which must prove to be the host of ``url``."""
    host, _, port = connect.rpartition(":")
    timeout = urllib3.Timeout(SECONDS)
    if url.startswith("http://"):
        return urllib3.HTTPConnectionPool(host, int(port), timeout=timeout)
    name = urlsplit(url).hostname or host
    return urllib3.HTTPSConnectionPool(
        host,
        int(port),
        timeout=timeout,
        ca_certs=ca,
        server_hostname=name,
        assert_hostname=name,
    )


def check(door: urllib3.HTTPConnectionPool, host: str, parts: list[str]) -> Iterator[str]:
    """A sentence for each part that fails."""
    for part in parts:
        path, wanted = PARTS[part]
        try:
            answer = door.request("GET", path, headers={"Host": host}, retries=False)
        except urllib3.exceptions.HTTPError as failure:
            yield f"{part}: no answer to {path}: {failure}"
            continue
        if answer.status != wanted:
            yield f"{part}: {path} answered {answer.status}, not {wanted}"


def metrics(receive: str, query: str, patience: float = SECONDS) -> Iterator[str]:
    """A sentence when a sample that was written cannot be read."""
    http, value = urllib3.PoolManager(retries=False), time.time()
    try:
        round_trip.write(http, receive, TENANT, value)
        if not round_trip.until(lambda: value in round_trip.read(http, query), patience):
            yield f"metrics: what {receive} took is not at {query} after {patience:g} s"
    except (OSError, urllib3.exceptions.HTTPError) as failure:
        yield f"metrics: {failure}"


def failures(asked: argparse.Namespace) -> Iterator[str]:
    """A sentence for each thing that is not well."""
    for place in asked.at:
        # A place stands for several parts: those that the front door leads to.
        names, _, connect = place.partition("=")
        host = urlsplit(asked.url).netloc or connect
        yield from check(pool(asked.url, connect, asked.ca), host, names.split(","))
    if asked.receive:
        yield from metrics(asked.receive, asked.query)


def lasting(asked: argparse.Namespace) -> list[str]:
    """What is not well even after ``patience``: a Service leads to a new pod a moment later."""
    deadline = time.monotonic() + asked.patience
    while (found := list(failures(asked))) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return found


def main() -> int:
    """0 when all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://", help="what people type; http:// for no TLS")
    parser.add_argument(
        "--at", action="append", default=[], help=f"PART,PART=HOST:PORT; parts: {', '.join(PARTS)}"
    )
    parser.add_argument("--ca", help="file with the CA to trust")
    parser.add_argument("--receive", help="where a sample is written; read back from --query")
    parser.add_argument("--query")
    parser.add_argument(
        "--patience", type=float, default=0.0, help="seconds in which all must become well"
    )
    asked = parser.parse_args()
    found = lasting(asked)
    for failure in found:
        sys.stderr.write(f"{failure}\n")
    if not found:
        ready = [part for place in asked.at for part in place.partition("=")[0].split(",")]
        ready += ["metrics"] if asked.receive else []
        sys.stdout.write(f"ready: {', '.join(ready)}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
