"""What the agent serves after 21 passes, a second apart by a clock that stands still in between.

A program: the driver finds the scenario by its environment, and both pages are printed. All that a
GPU counts is then the same each time, to the last digit.
"""

import os
import time
from pathlib import Path

from agent import devices
from agent.attribution import Attribution
from agent.dcgm.page import DcgmPage, generations
from agent.dcgm.rates import Rates
from agent.devices import Devices
from agent.native import NativePage
from agent.nvml.driver import Driver
from agent.pods import PodNames
from agent.sampler import Sampler
from agent.sight import Sight

PASSES, BEGIN = 21, 1000
NOBODY = Path("/nonexistent")
BETWEEN = "\n# dcgm\n"


def main() -> None:
    """Everything that is read is read three times, but for what is read once a minute."""
    path = Path(os.environ["NEUROX_NVML_SCENARIO"])
    text = path.read_text()
    devices.PATIENCE_SECONDS = 5.0  # however busy this machine is
    rates = Rates()
    attribution = Attribution(Sight(NOBODY), PodNames(NOBODY))
    sampler = Sampler(Devices(Driver()), attribution)
    sampler.followers.append(rates.follow)
    first = int(time.monotonic()) - PASSES  # in whole seconds integrals are exact
    for second in range(PASSES):
        draft = path.with_suffix(".draft")
        draft.write_text(f"clock = {BEGIN + second}\n{text}")
        draft.replace(path)
        sampler.sample(float(first + second))
    dcgm = DcgmPage("gpu-1", generations("both"), rates)
    ours = NativePage("gpu-1")
    print(ours.text(sampler.snapshot, fresh=True) + ours.age(0.0), end=BETWEEN)
    print(dcgm.text(sampler.snapshot, fresh=True), end="")


if __name__ == "__main__":
    main()
