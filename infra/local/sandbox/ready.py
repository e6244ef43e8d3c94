"""Whether a server with a certificate of the cluster's says that it is ready."""

import http.client
import ssl
from collections.abc import Callable
from pathlib import Path

from infra.local.sandbox.layout import LOOPBACK

TIMEOUT_SECONDS = 1.0


def https_ok(
    port: int, path: str, ca: Path, client: tuple[Path, Path] | None = None
) -> Callable[[], bool]:
    """GET ``path`` answers 200; ``client`` is the certificate and key to show."""
    contexts: list[ssl.SSLContext] = []

    def check() -> bool:
        if not contexts:  # the files are written after this was asked for
            contexts.append(context(ca, client))
        connection = http.client.HTTPSConnection(
            LOOPBACK, port, timeout=TIMEOUT_SECONDS, context=contexts[0]
        )
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    return check


def context(ca: Path, client: tuple[Path, Path] | None) -> ssl.SSLContext:
    """TLS that trusts one authority and may show a certificate."""
    made = ssl.create_default_context(cafile=str(ca))
    if client is not None:
        made.load_cert_chain(*map(str, client))
    return made
