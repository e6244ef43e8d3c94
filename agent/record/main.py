"""``neurox-agent record``: the real sampler for a while, and all that the driver answers it."""

import argparse
import signal
import sys
import threading
import time
from importlib import metadata
from pathlib import Path

from agent.attribution import Attribution
from agent.devices import Devices
from agent.journal import plain
from agent.nvml.driver import Driver
from agent.nvml.errors import DriverUnavailable
from agent.pods import PodNames
from agent.record.capture import Capture
from agent.record.recorder import Recorder
from agent.record.scrub import Scrubber
from agent.sampler import Sampler
from agent.sight import Sight

_STOP_SECONDS = 5.0
_NO_PODS = Path("/nonexistent")


class RecordingFailed(Exception):
    """There is no capture, or only a part of one; the message says why."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "record",
        help="write down what the driver answers, to be played elsewhere",
        description="Record what this machine's NVIDIA driver answers the agent, for replay. "
        "UUIDs, serial numbers and the host's name are replaced.",
        epilog="Exit code: 0 with a capture that plays, 1 without, 2 wrong options.",
    )
    parser.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="the capture; must not exist yet"
    )
    parser.add_argument("--seconds", type=_seconds, default=70.0, help="how long (default: 70)")
    parser.add_argument(
        "--scrub-all", action="store_true", help="replace PCI bus ids and process ids too"
    )
    parser.set_defaults(command=_record)


def _record(asked: argparse.Namespace) -> int:
    """0 with a capture that plays; 1 and one message on stderr otherwise."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        _say(record(asked.out, asked.seconds, asked.scrub_all, stop))
    except (RecordingFailed, DriverUnavailable) as error:
        _say(f"neurox-agent record: {error}")
        return 1
    return 0


def record(out: Path, seconds: float, everything: bool, stop: threading.Event) -> str:
    """Record until ``stop`` or for ``seconds``; says what the capture holds."""
    sampler = Sampler(Devices(Driver()), Attribution(Sight(Path("/proc")), PodNames(_NO_PODS)))
    try:
        capture = Capture.create(out, _about(everything))
    except OSError as error:
        raise RecordingFailed(f"cannot write {out}: {error.strerror}") from error
    with Recorder(capture, Scrubber(everything)).recording():
        thread = threading.Thread(target=sampler.run, args=(stop,), name="sampler", daemon=True)
        thread.start()
        _watch(capture, sampler, time.monotonic() + seconds, stop)
        stop.set()
        thread.join(_STOP_SECONDS)  # a driver call that hangs is left behind
    snapshot = sampler.snapshot
    if snapshot is None or not snapshot.gpus:
        out.unlink()
        raise RecordingFailed((snapshot and snapshot.problem) or "no GPU answered")
    if capture.problem:
        raise RecordingFailed(f"{out} ends early, and plays: {capture.problem}")
    return f"{out}: {capture.calls} calls to {len(snapshot.gpus)} GPUs, {capture.bytes >> 10} KiB"


def _watch(capture: Capture, sampler: Sampler, until: float, stop: threading.Event) -> None:
    """Tell each second how far it is, until the time is over, or somebody ends it, or no GPU is."""
    while not capture.over.is_set() and not stop.is_set() and time.monotonic() < until:
        stop.wait(min(1.0, max(0.0, until - time.monotonic())))
        if (snapshot := sampler.snapshot) is not None and not snapshot.gpus:
            return
        left = max(0, round(until - time.monotonic()))
        _say(f"{capture.calls} calls recorded, {left} s left; Ctrl-C ends it")


def _say(line: str) -> None:
    sys.stderr.write(plain(line) + "\n")


def _about(everything: bool) -> dict[str, str]:
    return {
        "neurox": metadata.version("neurox"),
        "nvidia-ml-py": metadata.version("nvidia-ml-py"),
        "scrubbed": "uuid serial host" + (" bus pid" if everything else ""),
    }


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError("1 to 86400 seconds")
    return seconds
