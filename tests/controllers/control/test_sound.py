from dataclasses import replace
from typing import Any

import pytest
from recording import report

from controllers.control.sound import MOST_NODES, require_sound
from controllers.domain.cluster import Node
from controllers.domain.errors import Unreachable
from controllers.domain.workload import Workload

WORK = Workload("w", "u", "vision", "Job", "train", "Running", 1, 8)
NODE = Node("n", True, False, 8, 0)


def test_an_honest_report_is_taken_with_what_is_gone() -> None:
    sound = replace(report(), nodes={"n": NODE, "gone": None}, workloads={"w": WORK, "gone": None})
    require_sound(sound)


@pytest.mark.parametrize(
    "lie",
    [
        {"observed_at": 1e300},
        {"observed_at": -1.0},
        {"nodes": {"other": NODE}},
        {"nodes": {"n": replace(NODE, gpus=-8)}},
        {"nodes": {"n": replace(NODE, gpus=10**9)}},
        {"nodes": {"n": replace(NODE, allocated=-1)}},
        {"nodes": dict.fromkeys(map(str, range(MOST_NODES + 1)))},
        {"workloads": {"another's": WORK}},
        {"workloads": {"w": replace(WORK, submitted_at=1e300)}},
        {"workloads": {"w": replace(WORK, started_at=-5.0)}},
        {"workloads": {"w": replace(WORK, finished_at=float("inf"))}},
        {"workloads": {"w": replace(WORK, pods=-1)}},
        {"workloads": {"w": replace(WORK, gpus_per_pod=2**80)}},
    ],
)
def test_a_report_that_cannot_be_is_refused(lie: dict[str, Any]) -> None:
    with pytest.raises(Unreachable):
        require_sound(replace(report(), **lie))
