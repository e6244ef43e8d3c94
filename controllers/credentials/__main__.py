"""``python -m controllers.credentials``: the init container that fills our empty Secrets.

NEUROX_CREDENTIALS lists them as KIND=NAME, by spaces. What a Secret holds is never changed; two
that run at once agree, for each writes only over what it has read.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping

from controllers.credentials.kinds import KINDS, missing
from controllers.relay.client.kubernetes import Access, Kubernetes, KubernetesError, SecretChanged

log = logging.getLogger("controllers.credentials")
TRIES = 10


class SettingsError(Exception):
    """NEUROX_CREDENTIALS cannot be read; the message shows it."""


def asked(env: Mapping[str, str]) -> list[tuple[str, str]]:
    """Kind and name of each Secret. SettingsError."""
    found = []
    for word in env.get("NEUROX_CREDENTIALS", "").split():
        kind, _, name = word.partition("=")
        if kind not in KINDS or not name:
            known = ", ".join(KINDS)
            raise SettingsError(f"NEUROX_CREDENTIALS has {word!r}; it takes KIND=NAME of {known}")
        found.append((kind, name))
    return found


async def fill(kubernetes: Kubernetes, kind: str, name: str) -> None:
    """Add what the Secret lacks. KubernetesError; SecretChanged when others never stop writing."""
    for attempt in range(TRIES):
        secret = await kubernetes.secret(name)
        lacking = missing(kind, secret.data)
        if not lacking:
            log.info("Secret %s is filled", name)
            return
        try:
            await kubernetes.patch_secret(name, lacking, secret.version)
        except SecretChanged:
            log.info("Secret %s was written by another; reading it again", name)
            if attempt == TRIES - 1:
                raise
        else:
            log.info("Secret %s: made %s", name, ", ".join(sorted(lacking)))
            return


async def _run(secrets: list[tuple[str, str]], namespace: str) -> None:
    kubernetes = Kubernetes(Access.of(None), namespace)
    try:
        for kind, name in secrets:
            await fill(kubernetes, kind, name)
    finally:
        kubernetes.close()


def main() -> int:
    """0 when every Secret is filled; 1 with the reason when the API server refuses, 2 on usage."""
    logging.basicConfig(level="INFO", format="%(message)s")
    try:
        secrets = asked(os.environ)
        asyncio.run(_run(secrets, os.environ.get("NEUROX_NAMESPACE", "neurox-system")))
    except SettingsError as error:
        sys.stderr.write(f"credentials: {error}\n")
        return 2
    except SecretChanged:
        sys.stderr.write("credentials: a Secret changes all the time; trying again\n")
        return 1
    except KubernetesError as error:
        sys.stderr.write(f"credentials: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
