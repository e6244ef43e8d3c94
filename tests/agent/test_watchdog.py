import threading

import pytest

from agent.watchdog import Late, Watchdog


def test_it_gives_what_the_work_returns_and_raises() -> None:
    watchdog = Watchdog()
    assert watchdog.ask("a", lambda: 7, 5) == 7
    with pytest.raises(ZeroDivisionError):
        watchdog.ask("a", lambda: 1 / 0, 5)
    assert watchdog.ask("b", threading.get_ident, 5) == watchdog.ask("a", threading.get_ident, 5)


def test_work_that_hangs_is_left_behind_and_gives_its_result_later() -> None:
    watchdog, back = Watchdog(), threading.Event()

    def hang() -> str:
        back.wait(10)
        return "late"

    with pytest.raises(Late):
        watchdog.ask("slow", hang, 0.01)
    assert watchdog.ask("other", lambda: "at once", 5) == "at once"
    with pytest.raises(Late):
        watchdog.ask("slow", lambda: "never asked", 5)
    assert watchdog.waits("slow")
    back.set()
    assert _result(watchdog) == "late"
    assert watchdog.ask("slow", lambda: "anew", 5) == "anew"
    assert not watchdog.waits("slow")


def _result(watchdog: Watchdog) -> str:
    for _ in range(500):
        try:
            return watchdog.ask("slow", lambda: "anew", 5)
        except Late:
            threading.Event().wait(0.01)
    raise AssertionError("it never came back")


def test_threads_that_were_left_behind_end() -> None:
    watchdog, back = Watchdog(), threading.Event()
    for key in range(5):
        with pytest.raises(Late):
            watchdog.ask(key, lambda: back.wait(10), 0.01)
    left = [thread for thread in threading.enumerate() if thread.name == "driver"]
    assert len(left) >= 5
    back.set()
    for thread in left[-5:]:
        thread.join(5)
        assert not thread.is_alive()
