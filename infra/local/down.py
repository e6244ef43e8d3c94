"""`neurox down`: stop what runs, clean up after what was killed, forget when asked to."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from infra.local import admin, kube_context, stragglers
from infra.local.errors import TIMEOUT, LocalError
from infra.local.lock import Lock, holder
from infra.local.state import State, purge

PATIENCE_SECONDS = 60.0
AFTER_KILL_SECONDS = 15.0


def down(folder: Path, forget: bool, say: Callable[[str], None]) -> None:
    """Stop the fleet of that folder; ``forget`` also removes the state and the CLI context."""
    stopped = _stop_running(folder, say)
    if not folder.exists():
        say(f"nothing runs and there is no state in {folder}")
        return
    with Lock(folder):
        left = stragglers.end(folder)
        if left:
            say(f"ended {left} processes that a killed `neurox up` had left")
        try:
            state = State.load(folder)
        except LocalError:
            if not forget:
                raise
            state = State(folder)
        _leave_contexts(state, forget, say)
        if forget:
            address = f"http://127.0.0.1:{state.ports['http']}" if "http" in state.ports else None
            admin.remove_context(admin.contexts_file(), address)
    if forget and purge(folder):
        say(f"forgot the fleet in {folder}")
    elif not stopped and not left:
        say("nothing was running")


def _stop_running(folder: Path, say: Callable[[str], None]) -> bool:
    running = holder(folder)
    if running is None:
        return False
    if not running["pid"]:
        raise LocalError("neurox is just starting; try again in a moment.")
    pid = int(running["pid"])
    say(f"stopping neurox (pid {pid})")
    for seconds in (PATIENCE_SECONDS, AFTER_KILL_SECONDS):
        # The second time it hurries: what still runs is killed.
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return True
        except PermissionError:
            raise LocalError(f"pid {pid} belongs to another user.") from None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if holder(folder) is None:
                say("stopped")
                return True
            time.sleep(0.05)
    raise LocalError(f"pid {pid} does not end; `kill -9 {pid}` then `neurox down`.", TIMEOUT)


def _leave_contexts(state: State, forget: bool, say: Callable[[str], None]) -> None:
    """Take back what was written into clusters of the user's own.

    One that cannot be reached any more stops `down`, but not a purge: it may be gone for good.
    """
    for name, row in list(state.clusters.items()):
        if "context" not in row:
            continue
        context = kube_context.Context.of(row)
        try:
            kube_context.leave(name, context, state.folder)
        except LocalError as error:
            if not forget:
                way = "`neurox down --purge` forgets it and leaves there what neurox had written."
                raise LocalError(f"{error}\n  {way}", error.exit_code) from None
            say(f"{error}\n  left there: {kube_context.WRITTEN}")
        else:
            say(f"removed from kube context {row['context']}: what neurox had written there")
        del state.clusters[name]
        state.save()
