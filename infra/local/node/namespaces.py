"""Namespaces, mounts and the first process of one, by the system calls that Python 3.11 lacks."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping
from types import FrameType

from infra.local.child import PR_SET_PDEATHSIG
from infra.local.errors import LocalError

MOUNTS, PROCESSES, NETWORK = 0x0002_0000, 0x2000_0000, 0x4000_0000
BIND, RECURSIVE, SLAVE, SHARED = 0x1000, 0x4000, 1 << 19, 1 << 20
_libc = ctypes.CDLL(None, use_errno=True)


def unshare(kinds: int) -> None:
    """Leave the namespaces of these kinds for new ones; children only, for processes."""
    if _libc.unshare(kinds):
        why = os.strerror(ctypes.get_errno())
        raise LocalError(
            f"a real node needs namespaces of its own, which cannot be made here ({why}); "
            "run this as root on a machine that allows them."
        )


def present() -> dict[int, int]:
    """Open files of the namespaces that this process is in, by kind, to come back to."""
    names = {NETWORK: "net", MOUNTS: "mnt", PROCESSES: "pid"}
    return {kind: os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for kind, name in names.items()}


def enter(kept: Mapping[int, int]) -> None:
    """Go over to the namespaces that ``present`` found."""
    for kind, namespace in kept.items():
        if _libc.setns(namespace, kind):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2); OSError naming the target."""
    words = (source.encode(), target.encode(), kind.encode() or None)
    if _libc.mount(*words, ctypes.c_ulong(flags), data.encode() or None):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)


def end_with_parent(how: signal.Signals) -> None:
    """Have the kernel send this process a signal when the one that started it is gone."""
    _libc.prctl(PR_SET_PDEATHSIG, how, 0, 0, 0)


def as_first_process(work: Callable[[], int]) -> int:
    """Run ``work`` in a new namespace of processes; its exit status, once all in there are gone.

    SIGTERM is handed on to it. Its orphans are reaped, as an ordinary machine's init does.
    """
    unshare(PROCESSES)
    return _attend(_fork(lambda: _init(work)))


def _init(work: Callable[[], int]) -> int:
    end_with_parent(signal.SIGKILL)
    mount("proc", "/proc", "proc")
    return _attend(_fork(work))


def _fork(work: Callable[[], int]) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = work()
        finally:
            if sys.exc_info()[0] is not None:
                sys.excepthook(*sys.exc_info())  # nobody else would
            os._exit(status)
    return pid


def _attend(child: int) -> int:
    def hand_on(number: int, _frame: FrameType | None) -> None:
        os.kill(child, number)

    signal.signal(signal.SIGTERM, hand_on)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)
