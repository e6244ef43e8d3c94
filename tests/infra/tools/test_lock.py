import threading
from pathlib import Path

from infra.tools.lock import building


def test_the_second_builder_waits_and_is_told_for_whom(tmp_path: Path) -> None:
    lock = tmp_path / "cache" / "tools.lock"
    told: list[str] = []
    waits, entered = threading.Event(), threading.Event()

    def note(text: str) -> None:
        told.append(text)
        waits.set()

    def second() -> None:
        with building(lock, note):
            entered.set()

    thread = threading.Thread(target=second, daemon=True)
    with building(lock, told.append):
        thread.start()
        assert waits.wait(10)
        assert not entered.is_set()
    assert entered.wait(10)
    thread.join(10)
    assert len(told) == 1
    assert "Another neurox (process " in told[0]


def test_an_error_inside_frees_it(tmp_path: Path) -> None:
    for _ in range(2):
        try:
            with building(tmp_path / "lock", lambda text: None):
                raise RuntimeError
        except RuntimeError:
            pass
    with building(tmp_path / "lock", lambda text: None):
        assert (tmp_path / "lock").read_text()
