"""The agent's passes at given times, in a process of its own: prints what it would serve.

``python passes.py [CAPTURE]``: with a file, the driver's answers are recorded into it.
"""

import sys
import time
from contextlib import nullcontext
from pathlib import Path

from agent.attribution import Attribution
from agent.devices import Devices
from agent.native import NativePage
from agent.nvml.driver import Driver
from agent.pods import PodNames
from agent.record.capture import Capture
from agent.record.recorder import Recorder
from agent.sampler import Sampler
from agent.sight import Sight

PASSES = 12


class AsItIs:
    """Cleans nothing, so that two runs can be compared."""

    def clean(self, data: bytes, field: str) -> bytes:
        """The same."""
        return data


NOBODY = Path("/nonexistent")
OWN_TIME = ("neurox_agent_snapshot_age_seconds", "neurox_agent_collection_duration_seconds")


def main(capture: Path | None) -> None:
    """Twelve passes of a second each, by the clock that is given to them."""
    sampler = Sampler(Devices(Driver()), Attribution(Sight(NOBODY), PodNames(NOBODY)))
    recorder = Recorder(Capture.create(capture, {}), AsItIs()) if capture else None
    with recorder.recording() if recorder else nullcontext():
        begin = int(time.monotonic()) - PASSES  # in whole seconds integrals are exact
        for second in range(PASSES):
            sampler.sample(float(begin + second))
    for line in NativePage("node").text(sampler.snapshot, fresh=True).splitlines():
        if not line.startswith(OWN_TIME):
            print(line)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else None)
