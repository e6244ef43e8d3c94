"""Secrets made once and kept in files that only their owner reads."""

import os
import secrets
from pathlib import Path


def kept(path: Path) -> str:
    """The secret in that file; made, 43 letters long, when there is none."""
    try:
        found = path.read_text().strip()
    except FileNotFoundError:
        found = ""
    if found:
        return found
    made = secrets.token_urlsafe(32)
    write(path, made)
    return made


def write(path: Path, text: str) -> None:
    """Put a secret there in one step, mode 0600 from its first byte."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
