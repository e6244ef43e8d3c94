"""What a real agent serves of each GPU model, judged by the official parser and by promtool.

``python -m tests.agent.test_profiles`` writes the expected pages anew, to be read in the diff.
"""

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from agent.catalogue import METRICS, SCOPE_LABELS
from agent.dcgm.compare import missing
from agent.dcgm.names import FIELDS
from agent.dcgm.scrape import parse
from agent.exposition import number
from agent.simulated.build import build
from infra.tools.toolbox import Toolbox
from tests.agent.running import address, spawned

pytestmark = pytest.mark.slow

PROFILES = sorted(
    path.name
    for path in (Path(__file__).parents[2] / "agent/simulated/profiles").iterdir()
    if path.suffix not in (".py", ".pyc", ".h") and path.is_file()
)
EXPECTED = Path(__file__).parent / "expositions"
HEAD = "driver = 580.95.05\ncuda = 13.0\n"
BY_NAME = {field.legacy.name: field.legacy for field in FIELDS}
BARE = (
    "[gpu 0]\nuuid = GPU-00000000-0000-0000-0000-000000000000\nmodel = Bare\nmemory_bytes = 1000\n"
)


def scenario(profile: str, gpus: int = 1) -> str:
    """GPUs of one model at half load; ``bare`` supports almost nothing."""
    if profile == "bare":
        return HEAD + BARE
    return HEAD + "".join(
        f"[gpu {i}]\nprofile = {profile}\nuuid = GPU-00000000-0000-0000-0000-{i:012}\n"
        "utilization = 0.5\n"
        for i in range(gpus)
    )


def served(library: Path, folder: Path, text: str) -> tuple[str, str]:
    """Our page and DCGM's, of an agent that ran a few passes."""
    with spawned(library, folder, text, DCGM="both") as process:
        try:
            url, _ = address(process)
            assert process.stderr
            # Drained, or a chatty agent would stop at a full pipe.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return _second_pass(url), requests.get(f"{url}/dcgm/metrics", timeout=5).text
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


def _second_pass(url: str) -> str:
    """What needs two readings, as activity does, is there from the second pass on."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        text = requests.get(f"{url}/metrics", timeout=5).text
        passes = re.search(r"^neurox_agent_passes_total\S* (\S+)$", text, re.MULTILINE)
        if passes and float(passes[1]) >= 2:
            return text
        threading.Event().wait(0.05)
    raise AssertionError(text)


@pytest.fixture(scope="module", params=[*PROFILES, "bare"])
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def pages(profile: str, library: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return served(library, tmp_path_factory.mktemp("agent"), scenario(profile))


def expected(pages: tuple[str, str]) -> str:
    """Ours and the legacy one, without help, and without values that depend on when one looks."""
    counters = {name for name, metric in METRICS.items() if metric.type == "counter"}
    names = {name for field in FIELDS for name in (field.legacy, field.current)}
    counters |= {one.name for one in names if one.type == "counter"}
    rates = {one.name for one in names if one.is_rate}
    lines = []
    for line in "".join(pages).splitlines():
        name = line.partition("{")[0]
        if not line.startswith("#") and name not in rates and 'hostname="' not in line:
            series, _, value = line.rpartition(" ")
            timed = name in counters or name.startswith("neurox_agent_")
            # Activity is a quotient of clock times: its last digits are chance.
            lines.append(series if timed else f"{series} {number(round(float(value), 9))}")
    return "".join(f"{line}\n" for line in lines)


def test_the_pages_are_as_expected(profile: str, pages: tuple[str, str]) -> None:
    file = EXPECTED / f"{profile}.txt"
    assert expected(pages) == file.read_text(), "read what changed, then write it anew (see above)"


def test_the_official_parser_finds_what_the_catalogue_says(pages: tuple[str, str]) -> None:
    names = set()
    for family in text_string_to_metric_families(pages[0]):
        name = family.name + ("_total" if family.type == "counter" else "")
        metric = METRICS[name]
        names.add(name)
        assert family.type == metric.type.replace("info", "gauge")
        assert family.documentation == metric.help
        seen = [tuple(sample.labels.items()) for sample in family.samples]
        assert len(set(seen)) == len(seen), name
        for sample in family.samples:
            assert tuple(sample.labels) == (*SCOPE_LABELS[metric.scope], *metric.labels)
            if metric.unit == "ratio":
                assert 0 <= sample.value <= 1, sample
    assert {"neurox_node_gpus", "neurox_gpu_up", "neurox_gpu_memory_total_bytes"} <= names


def test_promtool_has_nothing_to_say(pages: tuple[str, str]) -> None:
    promtool = Toolbox.from_env().path("promtool")
    command = [str(promtool), "check", "metrics"]
    done = subprocess.run(
        command, input=pages[0], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_page_of_dcgm_names_has_nothing_twice_and_no_sentinel(pages: tuple[str, str]) -> None:
    known = {name.name for field in FIELDS for name in (field.legacy, field.current)}
    rows = [line.rpartition(" ") for line in pages[1].splitlines() if not line.startswith("#")]
    assert rows
    assert len({row[0] for row in rows}) == len(rows)
    assert {row[0].partition("{")[0] for row in rows} <= known
    assert all(float(value) < 1e18 for _, _, value in rows)


@pytest.mark.parametrize("profile", ["h200"], indirect=True)
def test_what_the_exporter_serves_by_itself_is_all_there(pages: tuple[str, str]) -> None:
    labels = (
        'gpu="0",UUID="GPU-00000000-0000-0000-0000-000000000000",pci_bus_id="x",device="nvidia0",'
        'modelName="NVIDIA H200",Hostname="gpu-1",DCGM_FI_DRIVER_VERSION="580.95.05"'
    )
    names = [field.legacy for field in FIELDS if field.legacy.default]
    theirs = "".join(f"{name.name}{{{labels}}} 0\n" for name in names)
    lacking = missing(parse(theirs), parse(pages[1]))
    # A rate needs two changes of its counter, which is read each ten seconds.
    assert [one for one in lacking if not BY_NAME[one.name].is_rate] == []


def test_sixteen_gpus_are_served(library: Path, tmp_path: Path) -> None:
    page, dcgm = served(library, tmp_path, scenario("h200", 16))
    assert page.count("\nneurox_gpu_up{") == 16
    assert dcgm.count("\nDCGM_FI_DEV_GPU_TEMP{") == 16


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compiler = {**os.environ, **Toolbox.from_env().c_compiler()}
        driver = build(folder, compiler).parent
        EXPECTED.mkdir(exist_ok=True)
        for each in (*PROFILES, "bare"):
            found = expected(served(driver, folder, scenario(each)))
            (EXPECTED / f"{each}.txt").write_text(found)
