"""Which Neurox the command speaks to, and as whom."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.cli.failure import USAGE, CommandFailed

if TYPE_CHECKING:
    from portal.client import Client

NO_SERVER = (
    "no Neurox to talk to: start one here with `neurox up`, "
    "or set NEUROX_SERVER and NEUROX_TOKEN to one that runs"
)


@dataclass(frozen=True)
class Context:
    """An address and who calls it; the token stays out of every message."""

    name: str
    server: str
    token: str | None


def contexts_file() -> Path:
    """Where contexts are kept, mode 0600."""
    from platformdirs import user_config_dir

    return Path(user_config_dir("neurox")) / "contexts.json"


def chosen(file: Path, env: Mapping[str, str], name: str | None = None) -> Context:
    """The context to use: ``name``, else NEUROX_SERVER, else NEUROX_CONTEXT, else the current.

    NEUROX_TOKEN replaces a context's own token. CommandFailed says what is missing.
    """
    server, token = env.get("NEUROX_SERVER"), env.get("NEUROX_TOKEN")
    if server and name is None:
        return Context("NEUROX_SERVER", _checked(server, "NEUROX_SERVER"), token)
    found = _read(file)
    name = name or env.get("NEUROX_CONTEXT") or found.get("current")
    if not name:
        raise CommandFailed(NO_SERVER, USAGE)
    contexts = found.get("contexts", {})
    if name not in contexts:
        known = ", ".join(sorted(contexts)) or "none"
        raise CommandFailed(f"there is no context {name!r} in {file}; known: {known}", USAGE)
    try:
        server = _checked(contexts[name]["server"], f"the server of context {name!r}")
        return Context(name, server, token or contexts[name].get("token"))
    except (KeyError, TypeError, AttributeError):
        raise CommandFailed(f"context {name!r} in {file} has no server", USAGE) from None


@contextmanager
def client(name: str | None = None) -> Iterator["Client"]:
    """A client of the chosen context; what it raises becomes a sentence and an exit status."""
    from portal.cli.refusal import told
    from portal.client import Client

    context = chosen(contexts_file(), os.environ, name)
    connected = Client(context.server, context.token)
    try:
        with told():
            yield connected
    finally:
        connected.close()


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as failure:
        raise CommandFailed(f"{file} cannot be read ({failure}); repair or remove it") from None
    if not isinstance(found, dict) or not isinstance(found.get("contexts", {}), dict):
        raise CommandFailed(f"{file} does not hold contexts; repair or remove it")
    return found


def _checked(server: str, what: str) -> str:
    if not server.startswith(("http://", "https://")):
        raise CommandFailed(f"{what} must begin with http:// or https://, not {server!r}", USAGE)
    return server
