"""The key by which the control plane signs what it asks of clusters, and its successors.

``python -m controllers.credentials.hub_key FOLDER`` keeps one in files, for a control plane outside
Kubernetes; with ``--successor`` it makes the next, signed by the one that is there.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from controllers.relay.hub_key import CHAIN_LENGTH, HubKey, read_chain, successor
from controllers.relay.identity import IdentityError, PrivateKey

SIGNING, CHAIN, GENERATION = "signing.pem", "chain.json", "generation"


def hub_key(held: Mapping[str, str], generation: int) -> dict[str, str]:
    """The signing key and the chain of public ones; a successor when ``generation`` has grown.

    The former key stays behind the new one, for clusters that do not know that yet.
    """
    if not held.get(SIGNING) or not held.get(CHAIN):
        key = PrivateKey.generate()
        return _kept(key.pem(), [HubKey(key.public)], generation)
    if generation <= int(held.get(GENERATION) or 1):
        return {name: held[name] for name in (SIGNING, CHAIN, GENERATION) if name in held}
    former = PrivateKey.from_pem(held[SIGNING])
    made, entry = successor(former)
    chain = [*read_chain(held[CHAIN]), entry]
    return _kept(made.pem() + former.pem(), chain[-CHAIN_LENGTH:], generation)


def _kept(pems: str, chain: list[HubKey], generation: int) -> dict[str, str]:
    text = msgspec.json.encode(chain).decode()
    return {SIGNING: pems, CHAIN: text, GENERATION: str(generation)}


def keep(folder: Path, more: bool) -> None:
    """The same in files that only their owner reads. IdentityError, OSError."""
    held = {}
    for name in (SIGNING, CHAIN, GENERATION):
        if (folder / name).exists():
            held[name] = (folder / name).read_text()
    generation = int(held.get(GENERATION) or 1) + (1 if more and held else 0)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in hub_key(held, generation).items():
        if held.get(name) != text:
            draft = folder / f".{name}"
            draft.touch(0o600)
            draft.write_text(text)
            draft.replace(folder / name)


def main() -> int:
    """0 when the key is there."""
    *flags, folder = sys.argv[1:] or [""]
    if not folder or flags not in ([], ["--successor"]):
        sys.stderr.write("use: python -m controllers.credentials.hub_key [--successor] FOLDER\n")
        return 2
    try:
        keep(Path(folder), bool(flags))
    except (IdentityError, OSError) as failure:
        sys.stderr.write(f"hub-key: {folder}: {failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
