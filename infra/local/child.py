"""A started program: in a session of its own, and gone when the supervisor is gone."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

MARK = "NEUROX_LOCAL_STATE"
"""In the environment of every child: the state folder, so that stragglers can be told."""
PR_SET_PDEATHSIG = 1
LOOPBACK_ONLY = "127.0.0.1,localhost"
_libc = ctypes.CDLL(None, use_errno=True)


def environment(own: Mapping[str, str], state: Path, base: Mapping[str, str]) -> dict[str, str]:
    """What a child gets: the caller's environment without what would lead it astray.

    NEUROX_* belong to us; proxies must not stand between loopback addresses; a foreign CA bundle
    would override the ones that our processes name.
    """
    astray = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "KUBECONFIG", "NOTIFY_SOCKET", "PORT"}
    kept = {
        name: value
        for name, value in base.items()
        if not name.startswith("NEUROX_") and name not in astray
    }
    around = ",".join(filter(None, (kept.get("NO_PROXY") or kept.get("no_proxy"), LOOPBACK_ONLY)))
    return {
        **kept,
        "NO_PROXY": around,
        "no_proxy": around,
        "PYTHONUNBUFFERED": "1",
        MARK: str(state),
        **own,
    }


def start(
    argv: tuple[str, ...], env: Mapping[str, str], cwd: Path | None, log: IO[bytes]
) -> "subprocess.Popen[bytes]":
    """Start it; OSError naming the file when there is no such program.

    Must be called from the supervisor's main thread: the kernel sends the death signal when the
    *thread* that started the child ends.
    """
    return subprocess.Popen(
        argv,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - one prctl call, safe among threads
    )


def _die_with(parent: int) -> Callable[[], None]:
    def before_exec() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return before_exec


def kill_group(leader: int) -> None:
    """SIGKILL to what is left of a child's process group, such as workers of a dead master."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def how_it_ended(status: int) -> str:
    """``exit status 1`` or ``signal 9 (SIGKILL)`` out of a return code."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"signal {-status}"
