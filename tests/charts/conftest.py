"""Charts as the real helm renders them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.tools.toolbox import Toolbox

CHARTS = Path(__file__).parents[2] / "charts"
Render = Callable[..., list[dict[str, Any]]]
Helm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Runs helm, which is fetched when it is not there yet."""
    box = Toolbox.from_env()
    box.ensure(["helm"])
    program = str(box.path("helm"))

    def run(*words: str, values: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        given = ["--values", "-"] if values is not None else []
        return subprocess.run(
            [program, *words, *given],
            input=yaml.safe_dump(values) if values is not None else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def render(helm: Helm) -> Render:
    """The objects of a chart under given values; each set is rendered once."""
    known: dict[str, str] = {}

    def objects(
        chart: str = "neurox",
        values: dict[str, Any] | None = None,
        release: str = "neurox",
        kubernetes: str = "1.37",
    ) -> list[dict[str, Any]]:
        words = ["template", release, str(CHARTS / chart), "--namespace", "neurox-system"]
        words += ["--kube-version", f"{kubernetes}.0"]
        asked = json.dumps([words, values], sort_keys=True)
        if asked not in known:
            done = helm(*words, values=values or {})
            assert done.returncode == 0, done.stderr
            known[asked] = done.stdout
        return [found for found in yaml.load_all(known[asked], Loader=yaml.CSafeLoader) if found]

    return objects
