"""XIDs: delivered once each, to whoever waits, when they come."""

from tests.agent.simulated.asked import HEAD, OPEN, Ask, of

ONE = HEAD + of("h200")
BEGIN = (
    OPEN
    + """
events = n.nvmlEventSetCreate()
def register(*devices):
    for one in devices:
        n.nvmlDeviceRegisterEvents(one, n.nvmlDeviceGetSupportedEventTypes(one), events)
def wait(milliseconds=0):
    data = n.nvmlEventSetWait_v2(events, milliseconds)
    assert data.eventType == n.nvmlEventTypeXidCriticalError
    return [n.nvmlDeviceGetUUID(data.device)[-1], data.eventData, data.gpuInstanceId]
"""
)
ANY = 0xFFFFFFFF


def test_each_xid_comes_once_from_the_first_one_on(ask: Ask) -> None:
    text = ONE + "xid = 1 79\nxid = 2 48\n" + of("h200", "xid = 5 13 gi 3", index=1)
    begin = BEGIN + "register(gpu, n.nvmlDeviceGetHandleByIndex(1))\n"
    script = "[wait(), wait(), wait(), code(wait)]"
    assert ask(text, script, begin).answer == [["0", 79, ANY], ["0", 48, ANY], ["1", 13, 3], 10]


def test_an_xid_is_not_delivered_again_after_a_new_start(ask: Ask) -> None:
    begin = BEGIN + (
        "register(gpu)\nfirst = wait()\nn.nvmlShutdown()\nn.nvmlInit()\n"
        "gpu = n.nvmlDeviceGetHandleByIndex(0)\nevents = n.nvmlEventSetCreate()\nregister(gpu)\n"
        f"none = code(wait)\nput({ONE!r} + 'xid = 1 79\\nxid = 2 79\\n')\n"
    )
    script = "[first, none, wait()]"
    assert ask(ONE + "xid = 1 79\n", script, begin).answer == [["0", 79, ANY], 10, ["0", 79, ANY]]


def test_who_waits_wakes_when_the_scenario_changes_and_holds_up_nobody(ask: Ask) -> None:
    begin = BEGIN + (
        "register(gpu)\ngot = []\n"
        "def listen():\n    got.append(wait(20000))\n    got.append(time.monotonic())\n"
        "thread = threading.Thread(target=listen)\nthread.start()\n"
        "for _ in range(50):\n    n.nvmlDeviceGetName(gpu)\n"
        "early, start = list(got), time.monotonic()\n"
        f"put({ONE!r} + 'xid = 9 31\\n')\nthread.join()\n"
    )
    script = "[early, got[0], got[1] - start < 10]"
    assert ask(ONE, script, begin).answer == [[], ["0", 31, ANY], True]


def test_a_wait_takes_its_time_and_then_says_so(ask: Ask) -> None:
    begin = BEGIN + (
        "register(gpu)\nstart = time.monotonic()\nanswer = code(wait, 250)\n"
        "passed = time.monotonic() - start\n"
    )
    answer, passed = ask(ONE, "[answer, passed]", begin).answer
    assert answer == 10
    assert 0.25 <= passed < 10


def test_only_gpus_that_are_registered_are_heard_and_a_lost_one_is(ask: Ask) -> None:
    text = ONE + "xid = 1 79\n" + of("h200", "xid = 1 13", index=1)
    begin = BEGIN + f"register(gpu)\nput({text.replace('xid = 1 79', 'lost = yes')!r})\n"
    begin += f"put({text.replace('xid = 1 79', 'lost = yes' + chr(10) + 'xid = 1 79')!r})\n"
    script = "[n.nvmlEventSetWait_v2(events, 0).eventData, code(wait)]"
    assert ask(ONE + of("h200", index=1), script, begin).answer == [79, 10]


def test_sets_that_are_freed_or_of_another_start_are_refused(ask: Ask) -> None:
    text = "reload = 1\n" + ONE
    begin = BEGIN + (
        "register(gpu)\nother = n.nvmlEventSetCreate()\nn.nvmlEventSetFree(other)\n"
        "freed = code(n.nvmlEventSetWait_v2, other, 0)\n"
        "many = [code(n.nvmlEventSetCreate) for _ in range(20)]\n"
        "codes = []\n"
        "thread = threading.Thread(target=lambda: codes.append(code(wait, 20000)))\n"
        "thread.start()\n"
        f"put({text.replace('= 1', '= 2')!r})\nthread.join()\n"
        "n.nvmlInit()\nold = code(wait)\n"
    )
    script = "[freed, many.count(0), many[-1], codes, old]"
    assert ask(text, script, begin).answer == [2, 15, 23, [1], 2]


def test_events_that_no_gpu_sends_are_refused(ask: Ask) -> None:
    script = """[code(n.nvmlDeviceRegisterEvents, gpu, 1, events),
        code(n.nvmlDeviceRegisterEvents, gpu, 1 << 40, events)]"""
    assert ask(ONE, script, BEGIN).answer == [3, 2]


def test_a_flood_is_delivered_once_to_the_last(ask: Ask) -> None:
    many = "".join(f"xid = {serial} 13\n" for serial in range(64, 0, -1))
    more = "".join(f"xid = {serial} 31\n" for serial in range(100, 164))
    begin = BEGIN + (
        "register(gpu)\ndef drain():\n    got = []\n    while True:\n"
        "        try:\n            got.append(wait()[1])\n"
        "        except n.NVMLError:\n            return got\n"
        f"first = drain()\nput({ONE + more!r})\nsecond = drain()\n"
    )
    answer = ask(ONE + many, "[first, second, drain()]", begin).answer
    assert answer == [[13] * 64, [31] * 64, []]


def test_events_of_one_second_are_told_apart_by_their_codes(ask: Ask) -> None:
    text = ONE + "xid = 7 13\nxid = 7 31\nxid = 7 13\nxid = 3 48\n"
    script = "[wait()[1], wait()[1], wait()[1], code(wait)]"
    assert ask(text, script, BEGIN + "register(gpu)\n").answer == [13, 31, 48, 10]
