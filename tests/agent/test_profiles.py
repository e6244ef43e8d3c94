"""What is served of each GPU model, judged by the official parser and by promtool.

``python -m tests.agent.test_profiles`` writes the expected pages anew, to be read in the diff.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
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
from tests.agent import served
from tests.agent.driven import environment
from tests.agent.models import SCENARIOS, scenario
from tests.agent.promtool import complaints, is_about_a_name
from tests.agent.running import address, spawned

pytestmark = pytest.mark.slow

EXPECTED = Path(__file__).parent / "expositions"
TIMED = "neurox_agent_collection_duration_seconds"
PROGRAM = Path(served.__file__)
SEVERAL = (8, 16)


def pages_of(library: Path, folder: Path, text: str) -> tuple[str, str]:
    """Our page and DCGM's, as they are after some passes at given times."""
    (folder / "scenario").write_text(text)
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env=environment(library, folder / "scenario"),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    ours, _, dcgm = done.stdout.partition(served.BETWEEN)
    return ours, dcgm


def asked(library: Path, folder: Path, text: str) -> tuple[str, str]:
    """The same two of an agent that ran a few passes by its own clock."""
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


@pytest.fixture(scope="module", params=SCENARIOS)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def pages(profile: str, library: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return pages_of(library, tmp_path_factory.mktemp("agent"), SCENARIOS[profile]())


def expected(pages: tuple[str, str]) -> str:
    """Ours and the legacy one, without help, and without how long a pass took."""
    lines = []
    for line in "".join(pages).splitlines():
        series, _, value = line.rpartition(" ")
        if line.startswith("#") or 'hostname="' in line:
            continue
        # Quotients of clock times: their last digits are chance.
        shown = "" if line.startswith(TIMED) else f" {number(float(f'{float(value):.12g}'))}"
        lines.append(series + shown)
    return "".join(f"{line}\n" for line in lines)


def counted(pages: tuple[str, str]) -> str:
    """How many series each metric has, and who the GPUs are."""
    rows = [line for line in "".join(pages).splitlines() if not line.startswith("#")]
    names = Counter(line.partition("{")[0] for line in rows)
    who = [line for line in rows if line.startswith("neurox_gpu_info")]
    return "".join(f"{line}\n" for line in (*(f"{n} {c}" for n, c in names.items()), *who))


def test_the_pages_are_as_expected(profile: str, pages: tuple[str, str]) -> None:
    file = EXPECTED / f"{profile}.txt"
    assert expected(pages) == file.read_text(), "read what changed, then write it anew (see above)"


@pytest.mark.parametrize("gpus", SEVERAL)
def test_several_gpus_have_the_series_of_one_each(library: Path, tmp_path: Path, gpus: int) -> None:
    found = counted(pages_of(library, tmp_path, scenario("h200", gpus)))
    file = EXPECTED / f"h200-{gpus}-gpus.txt"
    assert found == file.read_text(), "read what changed, then write it anew (see above)"


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
    assert complaints(pages[0]) == []


def test_promtool_complains_of_nothing_but_names_of_the_exporter(pages: tuple[str, str]) -> None:
    assert [said for said in complaints(pages[1]) if not is_about_a_name(said)] == []


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
    assert missing(parse(theirs), parse(pages[1])) == []


def test_sixteen_gpus_are_served(library: Path, tmp_path: Path) -> None:
    page, dcgm = asked(library, tmp_path, scenario("h200", 16))
    assert page.count("\nneurox_gpu_up{") == 16
    assert dcgm.count("\nDCGM_FI_DEV_GPU_TEMP{") == 16


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compiler = {**os.environ, **Toolbox.from_env().c_compiler()}
        driver = build(folder, compiler).parent
        EXPECTED.mkdir(exist_ok=True)
        for each, text in SCENARIOS.items():
            (EXPECTED / f"{each}.txt").write_text(expected(pages_of(driver, folder, text())))
        for count in SEVERAL:
            found = counted(pages_of(driver, folder, scenario("h200", count)))
            (EXPECTED / f"h200-{count}-gpus.txt").write_text(found)
