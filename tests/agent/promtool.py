"""What ``promtool check metrics`` says of a page."""

import re
import subprocess

from infra.tools.toolbox import Toolbox

_OF_NAMES = (
    "(non-)?counter metrics should (not )?have|use base unit|metric name should not|"
    "(metric|label) names should"
)


def complaints(page: str) -> list[str]:
    """Line by line; a page that cannot be read is one as well."""
    promtool = Toolbox.from_env().path("promtool")
    command = [str(promtool), "check", "metrics"]
    done = subprocess.run(
        command, input=page, capture_output=True, text=True, timeout=60, check=False
    )
    said = (done.stdout + done.stderr).splitlines()
    assert bool(done.returncode) == bool(said)
    return said


def is_about_a_name(complaint: str) -> bool:
    """Of which those of dcgm-exporter deserve many."""
    return bool(re.match(rf"DCGM_\w+ ({_OF_NAMES})", complaint))
