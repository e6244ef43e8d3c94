"""A network of a test's own, and packets that get lost in it."""

import ctypes
import os
import shutil
import subprocess
from typing import Literal

import pytest

Way = Literal["to the server", "to the client"]
_CLONE_NEWNET = 0x40000000
_MATCH = {"to the server": "dport", "to the client": "sport"}
_TABLE = """table inet faults {{
chain in {{
type filter hook input priority 0
{rules}
}}
}}
"""


class Network:
    """Inside, this thread and all it starts have a loopback that nobody else is on.

    It has no name, so nothing can be left behind: the kernel forgets it with the last process.
    """

    def __enter__(self) -> "Network":
        missing = [name for name in ("ip", "nft") if shutil.which(name) is None]
        if os.geteuid() or missing:
            words = "NOT RUN: a network of one's own needs root, iproute2 and nftables"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(words)
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _libc("unshare", _CLONE_NEWNET)
        # As long as on a real wire: else an answer is one packet, and is lost as a whole or not.
        _run("ip", "link", "set", "lo", "up", "mtu", "1500")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            _libc("setns", self._home, _CLONE_NEWNET)
        finally:
            os.close(self._home)

    def drop(self, port: int, *ways: Way, percent: int = 100) -> None:
        """Lose packets of that port's connections, in one direction or in both."""
        chance = "" if percent == 100 else f"numgen random mod 100 < {percent} "
        rules = [f"tcp {_MATCH[way]} {port} {chance}drop" for way in ways]
        _run("nft", "-f", "-", given=_TABLE.format(rules="\n".join(rules)))

    def heal(self) -> None:
        """Lose nothing any more."""
        _run("nft", "flush", "ruleset")


def _libc(name: str, *args: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*args):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _run(*argv: str, given: str = "") -> None:
    done = subprocess.run(
        argv, input=given, capture_output=True, text=True, timeout=10, check=False
    )
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
