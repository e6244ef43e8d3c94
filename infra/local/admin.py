"""The admin's access to the fleet that `up` runs, and the CLI context that carries it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local import document, step
from infra.local.errors import LocalError

CONTEXT = "local"


@dataclass(frozen=True)
class Admin:
    """Who signs in first; ``password`` only when the account was made just now."""

    name: str
    password: str | None
    token: str
    context: str
    """The context that the command line uses now."""


def bootstrap(redis_url: str, state: Path, url: str) -> Admin:
    """Make sure that an admin exists, and keep a fresh API token in the context ``local``."""
    env = {"NEUROX_REDIS_URL": redis_url}
    made = json.loads(step.python("the admin's account", ("portal.auth.bootstrap",), env, state))
    current = write_context(contexts_file(), url, made["token"])
    return Admin(made["admin"], made["password"], made["token"], current)


def contexts_file() -> Path:
    """Where the command line keeps its contexts."""
    from platformdirs import user_config_dir

    return Path(user_config_dir("neurox")) / "contexts.json"


def write_context(path: Path, url: str, token: str) -> str:
    """Put the context ``local`` there, mode 0600; the name of the context in use.

    One that the user had chosen stays in use.
    """
    found = _contexts(path)
    found["contexts"][CONTEXT] = {"server": url, "token": token}
    if found["current"] not in found["contexts"]:
        found["current"] = CONTEXT
    try:
        document.write(path, found)
    except OSError as error:
        raise LocalError(f"{path} cannot be written: {error.strerror}.") from None
    return str(found["current"])


def remove_context(path: Path, url: str | None) -> None:
    """Forget the context ``local`` if it still points at that address."""
    if url is None or not path.exists():
        return
    found = _contexts(path)
    if found["contexts"].get(CONTEXT, {}).get("server") != url:
        return
    del found["contexts"][CONTEXT]
    if found["current"] == CONTEXT:
        found["current"] = next(iter(found["contexts"]), None)
    document.write(path, found)


def _contexts(path: Path) -> dict[str, Any]:
    try:
        found = document.read(path)
        return {"current": found.get("current"), "contexts": dict(found.get("contexts", {}))}
    except FileNotFoundError:
        return {"current": None, "contexts": {}}
    except (ValueError, TypeError):
        raise LocalError(f"{path} is broken; repair it or remove it.") from None
