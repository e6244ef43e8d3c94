"""The API server asked through kubectl, so that every way of signing in works."""

import json
import subprocess
from typing import Any

from controllers.preflight.facts import (
    MESSAGE_CHARACTERS,
    SECONDS,
    Ask,
    Refused,
    Silent,
    decoded,
)


def asking(words: list[str]) -> Ask:
    """``words`` are kubectl and the options that say which cluster."""

    def ask(path: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        verb = ["create", "-f", "-"] if body is not None else ["get"]
        done = _run([*words, *verb, "--raw", path], "" if body is None else json.dumps(body))
        if done.returncode == 0:
            return decoded(done.stdout)
        said = " ".join(done.stderr.split())
        if "(NotFound)" in said or "could not find the requested resource" in said:
            return None
        if "(Forbidden)" in said:
            raise Refused(said)
        raise Silent(said[:MESSAGE_CHARACTERS] or "kubectl gave no reason")

    return ask


def _run(command: list[str], stdin: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Silent(f"kubectl did not answer in {SECONDS:g} s") from None
    except OSError as failure:
        raise Silent(f"kubectl cannot be run: {failure.strerror}") from None
