"""``python -m portal.check``: asks each part behind the front door whether it is ready.

``helm test`` runs it. One line a part; the exit status is 1 when one does not answer as it should.
"""

import argparse
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import urllib3

SECONDS = 10.0
PARTS = {
    "portal": ("/healthz", 200),
    "api": ("/api/v1/readyz", 200),
    "auth": ("/auth/readyz", 200),
    # It lets nobody in who shows no token; that it says so shows that it is there.
    "relay-server": ("/relay/v1/join", 403),
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


def main() -> int:
    """0 when all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="what people type")
    parser.add_argument("--connect", required=True, help="HOST:PORT to ask instead")
    parser.add_argument("--ca", help="file with the CA to trust")
    parser.add_argument("--portal-only", action="store_true", help="there is no front door of ours")
    asked = parser.parse_args()
    parts = ["portal"] if asked.portal_only else list(PARTS)
    failures = list(
        check(pool(asked.url, asked.connect, asked.ca), urlsplit(asked.url).netloc, parts)
    )
    for failure in failures:
        sys.stderr.write(f"{failure}\n")
    if not failures:
        sys.stdout.write(f"ready: {', '.join(parts)}\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
