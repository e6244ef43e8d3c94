import os
import signal
import threading
import time

from controllers.loop import Shutdown, run_every


def test_a_failed_step_does_not_end_the_loop() -> None:
    shutdown, calls = Shutdown(), []

    def step() -> None:
        calls.append(1)
        if len(calls) == 2:
            shutdown.request()
        raise ConnectionError("no route to the API server")

    run_every(0.01, step, shutdown)
    assert len(calls) == 2


def test_a_nudge_ends_the_sleep_and_a_burst_of_nudges_is_one_pass() -> None:
    shutdown = Shutdown()
    for _ in range(100):
        shutdown.nudge()
    begun = time.monotonic()
    shutdown.sleep(60)
    assert time.monotonic() - begun < 5
    shutdown.sleep(0.05)
    assert time.monotonic() - begun >= 0.05


def test_a_request_ends_a_sleep_in_another_thread() -> None:
    shutdown = Shutdown()
    sleeper = threading.Thread(target=shutdown.sleep, args=(60,))
    sleeper.start()
    shutdown.request()
    sleeper.join(5)
    assert not sleeper.is_alive()


def test_sigterm_requests_the_end() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        shutdown = Shutdown.on_signals()
        os.kill(os.getpid(), signal.SIGTERM)
        shutdown.sleep(5)
        assert shutdown.requested
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
