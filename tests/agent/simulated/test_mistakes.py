"""Scenarios that cannot be, and files that are none: what is said, and what goes on."""

from pathlib import Path

import pytest

from tests.agent.simulated.asked import HEAD, OPEN, Ask, of

GOOD = HEAD + of("h100", "utilization = 0.5")
ROOM = 85520809984 - 476053504
"""What processes of an H100 can hold."""
SAME = "mig = 1 0 3g.40gb MIG-00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize(
    ("profile", "lines", "said"),
    [
        ("t4", ["mig = 1 0 3g.40gb"], "line 6, mig: expected a GPU model that has MIG"),
        ("l40s", ["mig_mode = yes"], "line 6, mig_mode: expected a GPU model that has MIG"),
        (
            "h100",
            ["serial = 1", f"process = 5 {ROOM + 1} 0.1"],
            f"line 7, process: expected at most {ROOM} bytes for all processes of the GPU together",
        ),
        ("h100", ["process = 5 -1 0.1"], "line 6, process: expected at most"),
        ("h100", ["process = -5 1 0.1"], "line 6, process: expected 'PID MEMORY_BYTES"),
        (
            "h100",
            ["process = 5 60000000000 0.1", "process = 6 60000000000 0.1"],
            f"line 7, process: expected at most {ROOM} bytes for all processes of the GPU together",
        ),
        (
            "h100",
            ["mig = 1 0 4g.40gb", "mig = 2 0 4g.40gb"],
            "line 7, mig: expected MIG devices of at most 7 slices together",
        ),
        (
            "h100",
            ["mig = 1 0 3g.40gb", "mig = 2 0 2g.60gb"],
            "line 7, mig: expected MIG devices of no more memory together than the GPU has",
        ),
        ("h100", ["mig = 1 0 1g.999999gb"], "line 6, mig: expected MIG devices of no more memory"),
        ("h100", ["mig = 1 0 1g.nangb"], "line 6, mig: expected 'GI CI PROFILE"),
        (
            "h100",
            ["mig = 1 0 2c.3g.40gb", "mig = 1 1 2c.3g.40gb"],
            "line 7, mig: expected compute instances of no more slices than their GPU instance",
        ),
        (
            "h100",
            ["mig = 1 0 1c.3g.40gb", "mig = 1 1 1c.2g.20gb"],
            "line 7, mig: expected the profile that this GPU instance has in a line before",
        ),
        (
            "h100",
            [SAME, SAME.replace("1 0", "2 0", 1)],
            "line 7, mig: expected a uuid that no other MIG device has",
        ),
        (
            "h100",
            ["process = 5 1000 0.1 gi 1"],
            "line 6, process: expected a process in an instance that a 'mig' line names",
        ),
        (
            "h100",
            ["mig = 1 0 3g.40gb", "process = 5 1000 0.1 gi 1 ci 2"],
            "line 7, process: expected a process in an instance that a 'mig' line names",
        ),
        (
            "h100",
            ["mig = 1 0 1g.10gb", "process = 5 1000 0.2 gi 1"],
            "line 7, process: expected processes of a GPU instance that together have at most its",
        ),
        (
            "h100",
            ["mig = 1 0 1g.10gb", "process = 5 20000000000 0.1 gi 1"],
            "line 7, process: expected at most 10690101248 bytes for all processes of the GPU inst",
        ),
    ],
)
def test_what_cannot_be_is_told_by_file_line_and_key(
    ask: Ask, tmp_path: Path, profile: str, lines: list[str], said: str
) -> None:
    asked = ask(HEAD + of(profile, *lines), "code(n.nvmlInit)", begin="")
    assert asked.answer == 9
    assert f"simulated NVML: {tmp_path}/scenario {said}" in asked.stderr


def test_two_gpus_of_one_uuid_are_told_by_the_second(ask: Ask) -> None:
    second = of("t4", index=1).replace("000001", "000000")
    asked = ask(HEAD + of("h100") + second, "code(n.nvmlInit)", begin="")
    assert asked.answer == 9
    assert "line 8, uuid: expected a uuid that no other GPU has" in asked.stderr


def test_what_just_fits_is_good(ask: Ask) -> None:
    text = (
        HEAD
        + of("h100", f"process = 5 {ROOM - 1} 0.5", "process = 6 1 0.5")
        + of("h100", "mig = 1 0 2c.4g.40gb", "mig = 1 1 2c.4g.40gb", "mig = 2 0 3g.40gb", index=1)
    )
    asked = ask(text, "n.nvmlDeviceGetMemoryInfo(gpu, n.nvmlMemory_v2).free")
    assert (asked.answer, asked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, driver: expected a driver version"),
        ("# nothing\n\n", "line 1, driver: expected a driver version"),
        (HEAD + "vbios = \x00\x01", "line 3, a line: expected text, not binary data"),
        ("\x7fELF\x02", "line 1, a line: expected text, not binary data"),
        (HEAD + "x" * (1 << 20), "line 3, a line: expected at most 510 characters"),
        (HEAD + "#" + "x" * 600, "line 3, a line: expected at most 510 characters"),
        ("driver = 1\rcuda = 13.0\r", "line 1, a line: expected a line feed at the end of each"),
    ],
)
def test_a_file_that_is_no_scenario_is_told(ask: Ask, text: str, said: str) -> None:
    asked = ask(text, "code(n.nvmlInit)", begin="")
    assert asked.answer == 9
    assert asked.stderr.count(said) == 1
    assert len(asked.stderr) < 400


def test_lines_may_end_as_on_windows_and_the_last_one_not_at_all(ask: Ask) -> None:
    script = "[n.nvmlSystemGetDriverVersion(), n.nvmlDeviceGetUtilizationRates(gpu).gpu]"
    asked = ask(GOOD.replace("\n", "\r\n").rstrip(), script)
    assert (asked.answer, asked.stderr) == (["580.95.05", 50], "")


REMOVED = "os.remove(path)\n"
NO_FILE = {
    "a folder": (REMOVED + "os.mkdir(path)\n", "it is a folder"),
    "a pipe": (REMOVED + "os.mkfifo(path)\n", "it is no regular file"),
    "no file": (REMOVED, "No such file or directory"),
    "a loop": (REMOVED + "os.symlink(path, path)\n", "Too many levels of symbolic links"),
    "a file of others": (
        "n._LoadNvmlLibrary()\nos.chmod(path, 0)\nos.getuid() or os.setuid(65534)\n",
        "Permission denied",
    ),
}


@pytest.mark.parametrize("kind", NO_FILE)
def test_what_cannot_be_read_is_told_with_the_reason(ask: Ask, tmp_path: Path, kind: str) -> None:
    make, reason = NO_FILE[kind]
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # for the user that has no right to the file alone
    begin = "path = os.environ['NEUROX_NVML_SCENARIO']\n" + make
    asked = ask(GOOD, "code(n.nvmlInit)", begin)
    assert asked.answer == 9
    told = f"{tmp_path}/scenario cannot be read ({reason}): NEUROX_NVML_SCENARIO names a scenario"
    assert asked.stderr.count(told) == 1


def test_a_scenario_that_is_gone_while_it_runs_is_told_once_and_the_last_one_stays(
    ask: Ask,
) -> None:
    begin = OPEN + "os.remove(os.environ['NEUROX_NVML_SCENARIO'])\n"
    script = "[n.nvmlDeviceGetUtilizationRates(gpu).gpu for _ in range(3)]"
    asked = ask(GOOD, script, begin)
    assert asked.answer == [50, 50, 50]
    assert asked.stderr.count("cannot be read (No such file") == 1
    assert asked.stderr.count("the last good scenario stays in force") == 1


def test_each_bad_change_is_told_once_and_the_next_good_one_is_taken(ask: Ask) -> None:
    bad = GOOD + "process = 5 999999999999 0.1\n"
    begin = OPEN + (
        "def busy():\n    return [n.nvmlDeviceGetUtilizationRates(gpu).gpu for _ in range(2)]\n"
        f"seen = busy()\nput({bad!r})\nseen += busy()\nput({bad!r} + 'nonsense')\nseen += busy()\n"
        f"put({GOOD.replace('= 0.5', '= 0.75')!r})\nseen += busy()\n"
    )
    asked = ask(GOOD, "seen", begin)
    assert asked.answer == [50, 50, 50, 50, 50, 50, 75, 75]
    assert asked.stderr.count("line 7, process: expected at most") == 1
    assert asked.stderr.count("line 8, nonsense: expected 'KEY = VALUE'") == 1
    assert asked.stderr.count("the last good scenario stays in force") == 2


def test_counters_go_on_by_the_last_good_scenario_while_a_bad_one_stands(ask: Ask) -> None:
    text = "clock = 100\n" + GOOD
    begin = OPEN + (
        f"put({text!r} + 'nonsense')\nn.nvmlDeviceGetName(gpu)\n"
        f"put({text.replace('= 100', '= 110')!r})\n"
    )
    script = "n.nvmlDeviceGetTotalEnergyConsumption(gpu)"
    assert ask(text, script, begin).answer == pytest.approx(10 * 377_500)
