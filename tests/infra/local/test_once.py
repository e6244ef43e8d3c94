import threading

import pytest

from infra.local.once import Once


def test_many_callers_get_the_result_of_one_call() -> None:
    calls: list[int] = []
    started = threading.Barrier(8)
    once = Once(lambda: calls.append(1) or len(calls))

    def call() -> None:
        started.wait(timeout=5)
        once()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=5)
    assert calls == [1]
    assert once.result == 1


def test_a_failure_is_tried_again_by_the_next_call() -> None:
    answers = iter([OSError("not yet"), "done"])

    def work() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    once = Once(work)
    with pytest.raises(OSError, match="not yet"):
        once()
    assert once.result is None
    assert once() == "done"
