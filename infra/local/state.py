"""The state folder: where it lies, what it remembers between runs, and how it is forgotten."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from infra.local import document
from infra.local.errors import LocalError

VERSION = 1
PORTS, COUNTS = range(1, 2**16), range(1, 1000)
OURS = ("run", "logs", "redis", "thanos", "pki", "secrets", "clusters", "lib", "real", "lock")
"""All that `up` makes in the folder beside state.json; nothing else is ever removed."""


def folder(chosen: Path | None, env: Mapping[str, str] = os.environ) -> Path:
    """``--state``, else NEUROX_STATE, else the user's state folder."""
    if chosen is None and env.get("NEUROX_STATE"):
        chosen = Path(env["NEUROX_STATE"])
    if chosen is None:
        from platformdirs import user_state_dir

        chosen = Path(user_state_dir("neurox"))
    return chosen.expanduser().absolute()


@dataclass
class State:
    """What a second `up` resumes: ports by name, and the clusters it made or manages."""

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    clusters: dict[str, dict[str, str]] = field(default_factory=dict)
    """By local name: ``id`` in the control plane and, when not a sandbox, the kube ``context``."""

    @classmethod
    def load(cls, folder: Path) -> "State":
        """The folder's state, an empty one where there is none yet; LocalError when unusable."""
        path = folder / "state.json"
        try:
            found = document.read(path)
        except FileNotFoundError:
            return cls(folder)
        except OSError as error:
            raise _broken(path, str(error.strerror)) from None
        except ValueError as error:
            raise _broken(path, str(error)) from None
        _refuse_other_version(path, found)
        try:
            ports = {str(name): _within(port, PORTS) for name, port in found["ports"].items()}
            clusters = {str(name): dict(row) for name, row in found["clusters"].items()}
            for row in clusters.values():
                for count in ("nodes", "gpus"):
                    _within(row.get(count, 1), COUNTS)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _broken(path, "a part is missing or makes no sense") from None
        return cls(folder, ports, clusters)

    def save(self) -> None:
        """Write it; LocalError when the disk is full or the folder not writable."""
        try:
            document.write(
                self.folder / "state.json",
                {
                    "version": VERSION,
                    "written_by": version("neurox"),
                    "ports": self.ports,
                    "clusters": self.clusters,
                },
            )
        except OSError as error:
            raise LocalError(
                f"{self.folder} cannot be written ({error.strerror}); free some space there or "
                "choose another folder by --state."
            ) from None


def _within(value: Any, allowed: range) -> int:
    number = int(value)
    if number not in allowed:
        raise ValueError(value)
    return number


def _broken(path: Path, why: str) -> LocalError:
    return LocalError(
        f"{path} is broken ({why}). `neurox down --purge` forgets this fleet; `neurox up` then "
        "makes a new one."
    )


def _refuse_other_version(path: Path, found: Mapping[str, Any]) -> None:
    known = found.get("version")
    if known == VERSION:
        return
    if "written_by" not in found:
        raise _broken(path, "neurox did not write it")
    age = "newer" if isinstance(known, int) and known > VERSION else "older"
    raise LocalError(
        f"{path} was written by the {age} neurox {found['written_by']} (state "
        f"version {known}); this is {version('neurox')} and knows version {VERSION}. Use that "
        "release, or `neurox down --purge` to forget this fleet."
    )


def foreign(folder: Path) -> list[str]:
    """What lies there and is not ours, by name; nothing when a fleet of ours is there."""
    try:
        if "written_by" in document.read(folder / "state.json"):
            return []
    except (OSError, ValueError):
        pass  # none yet, or broken: then only names of ours may be there
    known = {*OURS, "state.json"}
    names = sorted(path.name for path in folder.iterdir())
    return [name for name in names if name not in known and not name.startswith(".state.json.")]


def purge(folder: Path) -> bool:
    """Remove what `up` made, and the folder when nothing else is in it; False: nothing there.

    LocalError, and nothing is touched, when the folder is somebody else's.
    """
    state = folder / "state.json"
    if not (state.exists() or (folder / "run").is_dir()):
        return False
    if others := foreign(folder):
        raise LocalError(
            f"{folder} is not neurox's alone: it also holds {', '.join(others[:3])}, and no sound "
            "state.json. Nothing was removed; remove by hand what you do not need."
        )
    for path in (*(folder / name for name in OURS), state, *folder.glob(".state.json.*")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
    return True
