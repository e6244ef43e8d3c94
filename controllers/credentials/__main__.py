"""``python -m controllers.credentials``: the init container that fills our empty Secrets.

NEUROX_CREDENTIALS lists them as KIND=NAME, by spaces, in the order of filling. No password, token
or key that a Secret holds is ever changed; the invitation's address and CA alone follow our own.
Two that run at once agree, for each writes only over what it has read.
NEUROX_HUB_KEY_GENERATION, raised, gives the key that clusters know us by a successor.
NEUROX_JOIN_CA_FILE holds that CA where the authority is not ours.
NEUROX_CA_CONFIG_MAP names the ConfigMap in which the authority's certificate lies open.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from controllers.credentials.kinds import KINDS, Held, Known, missing
from controllers.environment import SettingsError
from controllers.relay.client.kubernetes import Access, Kubernetes, KubernetesError, SecretChanged
from controllers.relay.identity import IdentityError

log = logging.getLogger("controllers.credentials")
TRIES = 10
CERTIFICATE = "ca.crt"


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


async def fill(kubernetes: Kubernetes, kind: str, name: str, known: Known) -> Held:
    """What the Secret holds once it lacks nothing.

    KubernetesError; SecretChanged when others never stop writing it.
    """
    for _ in range(TRIES):
        secret = await kubernetes.secret(name)
        lacking = missing(kind, secret.data, known)
        if not lacking:
            log.info("Secret %s is filled", name)
            return secret.data
        try:
            await kubernetes.patch_secret(name, lacking, secret.version)
        except SecretChanged:
            log.info("Secret %s was written by another; reading it again", name)
        else:
            log.info("Secret %s: wrote %s", name, ", ".join(sorted(lacking)))
            return {**secret.data, **lacking}
    raise SecretChanged


async def fill_all(
    kubernetes: Kubernetes, secrets: list[tuple[str, str]], env: Mapping[str, str]
) -> None:
    """Every Secret in turn, then the certificate for everybody.

    SettingsError; KubernetesError; SecretChanged.
    """
    filled: dict[str, Held] = {}
    server = env.get("NEUROX_JOIN_SERVER", "")
    given_ca, generation = _given_ca(env), _generation(env)
    for kind, name in secrets:
        filled[kind] = await fill(
            kubernetes, kind, name, Known(filled, server, given_ca, generation)
        )
    open_to_all = env.get("NEUROX_CA_CONFIG_MAP")
    if open_to_all and "authority" in filled:
        await kubernetes.patch_config_map(
            open_to_all, {CERTIFICATE: filled["authority"][CERTIFICATE]}
        )
        log.info("ConfigMap %s holds %s", open_to_all, CERTIFICATE)


def _generation(env: Mapping[str, str]) -> int:
    value = env.get("NEUROX_HUB_KEY_GENERATION", "1")
    if not value.isdecimal() or not 1 <= int(value) <= 9999:
        raise SettingsError(
            f"NEUROX_HUB_KEY_GENERATION must be a number from 1 to 9999, not {value!r}"
        )
    return int(value)


def _given_ca(env: Mapping[str, str]) -> str | None:
    file = env.get("NEUROX_JOIN_CA_FILE")
    if not file:
        return None
    try:
        pem = Path(file).read_text("ascii")
    except (OSError, ValueError) as failure:
        raise SettingsError(f"NEUROX_JOIN_CA_FILE cannot be read: {failure}") from None
    if "-----BEGIN CERTIFICATE-----" not in pem:
        raise SettingsError(
            "ca.crt of the Secret expose.caSecret holds no certificate; put the CA there, in PEM"
        )
    return pem


async def _run(secrets: list[tuple[str, str]], env: Mapping[str, str]) -> None:
    kubernetes = Kubernetes(Access.of(None), env.get("NEUROX_NAMESPACE", "neurox-system"))
    try:
        await fill_all(kubernetes, secrets, env)
    finally:
        kubernetes.close()


def main() -> int:
    """0 when every Secret is filled; 1 with the reason when the API server refuses, 2 on usage."""
    logging.basicConfig(level="INFO", format="%(message)s")
    try:
        secrets = asked(os.environ)
        asyncio.run(_run(secrets, os.environ))
    except SettingsError as error:
        sys.stderr.write(f"credentials: {error}\n")
        return 2
    except SecretChanged:
        sys.stderr.write("credentials: a Secret changes all the time; trying again\n")
        return 1
    except (KubernetesError, IdentityError) as error:
        sys.stderr.write(f"credentials: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
