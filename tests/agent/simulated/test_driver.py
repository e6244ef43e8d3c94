"""The driver as a whole: start and stop, reloads, faults, latency, threads."""

import pytest

from tests.agent.simulated.asked import HEAD, OPEN, Ask, of

ONE = of("h200", "utilization = 0.5")


def test_a_reload_ends_the_start_and_the_handles_and_begins_counters_anew(ask: Ask) -> None:
    text = "reload = 1\nclock = 100\n" + HEAD + ONE
    later = text.replace("reload = 1", "reload = 2").replace("= 100", "= 200")
    begin = OPEN + (
        f"put({text.replace('= 100', '= 200')!r})\n"
        "before = n.nvmlDeviceGetTotalEnergyConsumption(gpu)\n"
        f"put({later!r})\n"
        "at_once = code(n.nvmlDeviceGetName, gpu)\n"
        "n.nvmlInit()\n"
        "old = code(n.nvmlDeviceGetName, gpu)\n"
        "gpu = n.nvmlDeviceGetHandleByIndex(0)\n"
    )
    script = "[before, at_once, old, n.nvmlDeviceGetTotalEnergyConsumption(gpu)]"
    assert ask(text, script, begin).answer == [pytest.approx(100 * 380_500), 1, 2, 0]


def test_counters_go_on_while_nobody_looks(ask: Ask) -> None:
    text = "clock = 100\n" + HEAD + ONE
    begin = OPEN + (
        "n.nvmlShutdown()\n"
        f"put({text.replace('= 100', '= 110')!r})\n"
        "closed = code(n.nvmlDeviceGetName, gpu)\n"
        "n.nvmlInit()\n"
    )
    script = "[closed, n.nvmlDeviceGetTotalEnergyConsumption(gpu)]"
    assert ask(text, script, begin).answer == [1, pytest.approx(10 * 380_500)]


def test_a_scenario_that_is_gone_at_the_next_start_is_a_driver_that_is_gone(ask: Ask) -> None:
    begin = OPEN + (
        "os.remove(os.environ['NEUROX_NVML_SCENARIO'])\n"
        "still = code(n.nvmlDeviceGetName, gpu)\nn.nvmlShutdown()\n"
    )
    assert ask(HEAD + ONE, "[still, code(n.nvmlInit)]", begin).answer == [0, 9]


def test_a_missing_symbol_is_what_pynvml_makes_of_one(ask: Ask) -> None:
    text = (
        "missing = nvmlDeviceGetTemperatureV\nmissing = nvmlSystemGetDriverVersion\n" + HEAD + ONE
    )
    script = """[code(n.nvmlDeviceGetTemperatureV, gpu, 0), code(n.nvmlSystemGetDriverVersion),
        code(n.nvmlDeviceGetTemperature, gpu, 0)]"""
    assert ask(text, script).answer == [13, 13, 0]


def test_a_call_can_fail_for_every_gpu_and_before_there_is_one(ask: Ask) -> None:
    text = "fail = nvmlDeviceGetName 4\nfail = nvmlInitWithFlags 9\n" + HEAD + ONE
    begin = (
        "first = code(n.nvmlInit)\n"
        + f"put({text.replace('nvmlInitWithFlags', 'nvmlDeviceGetSerial')!r})\n"
        + OPEN
    )
    assert ask(text, "[first, code(n.nvmlDeviceGetName, gpu)]", begin).answer == [9, 4]


def test_latency_is_spent_by_every_call(ask: Ask) -> None:
    begin = OPEN + (
        "start, cpu = time.monotonic(), time.process_time()\n"
        "for _ in range(20):\n    n.nvmlDeviceGetName(gpu)\n"
        "passed, cpu = time.monotonic() - start, time.process_time() - cpu\n"
    )
    answer = ask("latency = 0.005\n" + HEAD + ONE, "[passed, cpu]", begin).answer
    assert answer[0] >= 0.1
    assert answer[1] > 0.02  # awake; a busy machine gives it less than all of it


def test_a_stuck_call_holds_up_nobody_else(ask: Ask) -> None:
    text = HEAD + of("h200", "delay = nvmlDeviceGetName 20") + of("h200", index=1)
    begin = OPEN + (
        "threading.Thread(target=n.nvmlDeviceGetName, args=(gpu,), daemon=True).start()\n"
        "start = time.monotonic()\n"
        "other = n.nvmlDeviceGetHandleByIndex(1)\n"
        "asked = 0\n"
        "while time.monotonic() < start + 0.3:\n"
        "    n.nvmlDeviceGetName(other); n.nvmlDeviceGetPowerUsage(gpu); asked += 1\n"
        "passed = time.monotonic() - start\n"
        "print(json.dumps([asked, passed])); sys.stdout.flush(); os._exit(0)\n"
    )
    asked, passed = ask(text, "0", begin).answer
    assert asked > 10
    assert passed < 10


def test_threads_that_ask_while_the_scenario_changes_get_old_or_new_values(ask: Ask) -> None:
    begin = OPEN + (
        f"texts = [{HEAD + ONE!r}, {HEAD + ONE.replace('= 0.5', '= 0.9')!r}]\n"
        "seen, wrong, end = set(), [], time.monotonic() + 1\n"
        "def look():\n"
        "    while time.monotonic() < end:\n"
        "        busy = n.nvmlDeviceGetUtilizationRates(gpu).gpu\n"
        "        power = n.nvmlDeviceGetPowerUsage(gpu)\n"
        "        seen.add(busy)\n"
        "        if busy not in (50, 90) or power not in (380500, 624100):\n"
        "            wrong.append([busy, power])\n"
        "threads = [threading.Thread(target=look) for _ in range(4)]\n"
        "[thread.start() for thread in threads]\n"
        "for turn in range(60):\n    put(texts[turn % 2])\n    time.sleep(0.01)\n"
        "[thread.join() for thread in threads]\n"
    )
    assert ask(HEAD + ONE, "[sorted(seen), wrong]", begin).answer == [[50, 90], []]


def test_every_call_of_a_lost_gpu_answers_so_and_none_counts(ask: Ask) -> None:
    text = "clock = 100\n" + HEAD + ONE
    lost = text.replace("= 100", "= 110") + "lost = yes\n"
    begin = OPEN + (
        f"put({lost!r})\n"
        "codes = [code(call, gpu) for call in (n.nvmlDeviceGetName, n.nvmlDeviceGetMemoryInfo,\n"
        "    n.nvmlDeviceGetComputeRunningProcesses_v3, n.nvmlDeviceGetMigMode)]\n"
        f"put({lost.replace('= 110', '= 150')!r})\n"
        f"put({text.replace('= 100', '= 150')!r})\n"
    )
    script = "[codes, n.nvmlDeviceGetTotalEnergyConsumption(gpu)]"
    assert ask(text, script, begin).answer == [[15] * 4, pytest.approx(10 * 380_500)]


def test_a_gpu_that_waits_for_a_reset_says_that(ask: Ask) -> None:
    begin = OPEN + f"put({HEAD + ONE + 'lost = reset'!r})\n"
    script = "[code(n.nvmlDeviceGetName, gpu), code(n.nvmlDeviceGetHandleByIndex, 0)]"
    assert ask(HEAD + ONE, script, begin).answer == [16, 16]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("latency = soon", "latency: expected a number"),
        ("latency = 60", "latency: expected at most 1 second"),
        ("clock = 1e300", "clock: expected seconds of the epoch, at most 100000000000"),
        ("cuda = 13.0x", "cuda: expected a version"),
        ("process_stride = 24x", "process_stride: expected 16, 24 or 32"),
        ("process_stride = 20", "process_stride: expected 16, 24 or 32"),
        ("hide_processes = maybe", "hide_processes: expected yes or no"),
        ("reload = often", "reload: expected a whole number"),
        ("delay = nvmlInit_v2", "delay: expected 'CALL SECONDS'"),
        ("colour = red", "colour: expected a known key before the first"),
    ],
)
def test_a_mistake_in_the_head_is_named(ask: Ask, line: str, named: str) -> None:
    asked = ask(HEAD + line + "\n" + ONE, "code(n.nvmlInit)", begin="")
    assert asked.answer == 9
    assert f"line 3, {named}" in asked.stderr


def test_another_file_is_another_driver_whose_counters_begin_anew(ask: Ask) -> None:
    text = "clock = 100\n" + HEAD + ONE + "xid = 1 79\n"
    begin = OPEN + (
        "events = n.nvmlEventSetCreate()\n"
        "n.nvmlDeviceRegisterEvents(gpu, n.nvmlEventTypeXidCriticalError, events)\n"
        "n.nvmlEventSetWait_v2(events, 0)\n"
        f"put({text.replace('= 100', '= 110')!r})\n"
        "first = n.nvmlDeviceGetTotalEnergyConsumption(gpu)\n"
        "os.environ['NEUROX_NVML_SCENARIO'] += '2'\n"
        f"put({text.replace('= 100', '= 120')!r})\n"
    )
    script = """[first, n.nvmlDeviceGetTotalEnergyConsumption(gpu),
        n.nvmlEventSetWait_v2(events, 0).eventData]"""
    assert ask(text, script, begin).answer == [pytest.approx(10 * 380_500), 0, 79]
