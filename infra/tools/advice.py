"""What to do about a failed build, read off its log. Pure."""

import re

_GB = 1_000_000_000
FIRST_BUILD_BYTES = 11 * _GB
"""Compiled packages, modules and programs of everything ``neurox up`` needs, from nothing."""

_NETWORK = re.compile(
    r"dial tcp|no such host|i/o timeout|connection refused|proxyconnect|network is unreachable"
    r"|TLS handshake|x509:|NewConnectionError|Could not find a version|No matching distribution"
    r"|Temporary failure in name resolution|ConnectTimeout|module lookup disabled",
)
_MEMORY = re.compile(r"signal: killed|cannot allocate memory|out of memory")


def full_disk(place: str, free_bytes: int) -> str:
    """What to say when ``place`` has no room left."""
    return (
        f"The disk of {place} is full ({free_bytes / _GB:.1f} GB free). A first build needs about "
        f"{FIRST_BUILD_BYTES / _GB:.0f} GB there: make room, or set NEUROX_CACHE to a folder on "
        "a larger disk. What is compiled so far is kept."
    )


def for_log(log: str, place: str, free_bytes: int) -> str:
    """The next step after a build or download that ended with ``log``."""
    if "no space left on device" in log or "No space left on device" in log:
        return full_disk(place, free_bytes)
    if "No module named pip" in log:
        return "This Python has no pip; `python -m ensurepip` adds it."
    if _NETWORK.search(log):
        return (
            "A download failed. Check the network (GOPROXY for Go modules, PIP_INDEX_URL for "
            "wheels) and run the same command again; what has arrived is kept. Without a network, "
            "put programs of these versions on PATH or into the folder KUBEBUILDER_ASSETS names."
        )
    if _MEMORY.search(log):
        return (
            "The compiler ran out of memory; it needs about 2 GB. Close something, or set "
            "GOFLAGS=-p=1 to compile one package at a time, and run the same command again."
        )
    return "Run the command above by hand to see all of it, or report it with the log."
