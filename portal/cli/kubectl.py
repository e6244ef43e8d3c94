"""kubectl, and helm, as joining and leaving a cluster need them."""

import shutil
import subprocess
from pathlib import Path

from portal.cli.failure import FAILED, TIMEOUT, CommandFailed
from portal.cli.text import clean

NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: neurox-system
"""
SECONDS = 60.0


def program(name: str = "kubectl") -> str:
    """kubectl or helm from PATH, else the one that `neurox tools` keeps."""
    found = shutil.which(name)
    if found:
        return found
    from infra.tools.errors import ToolError
    from infra.tools.toolbox import Toolbox

    try:
        return str(Toolbox.from_env().path(name))
    except ToolError:
        raise CommandFailed(
            f"{name} is neither on PATH nor among the tools; `neurox tools {name}` gets it"
        ) from None


def apply_secret(context: str | None, secret: str) -> None:
    """Put the join Secret into the cluster; it goes by standard input, never by argument."""
    # Server-side, so that no annotation keeps a second copy of the Secret.
    command = [program(), *(["--context", context] if context else []), "apply"]
    command += ["--server-side", "--force-conflicts", "--field-manager=neurox", "-f", "-"]
    call(command, f"{NAMESPACE}---\n{secret}")


def check(context: str | None) -> None:
    """The cluster answers and lets us write there; before a token is made for nothing."""
    where = ["--context", context] if context else []
    ask = ["auth", "can-i", "create", "secrets", "--namespace", "neurox-system"]
    call([program(), *where, "--request-timeout=15s", *ask])


def call(command: list[str], stdin: str = "", seconds: float = SECONDS) -> str:
    """What it prints; CommandFailed with its own words when it fails."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"{name} did not answer in {seconds:g} s", TIMEOUT) from None
    except OSError as failure:
        raise CommandFailed(f"{name} cannot be run: {failure}") from None
    if done.returncode:
        words = clean(done.stderr.strip() or done.stdout.strip() or "it gave no reason")
        raise CommandFailed(f"{name} failed: {words}", FAILED)
    return done.stdout
