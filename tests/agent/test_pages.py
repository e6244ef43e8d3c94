import gzip
import threading
import time

from agent.pages import STALE_SECONDS, Page
from agent.snapshot import Snapshot


class Text:
    """Counts how often it is written."""

    def __init__(self) -> None:
        self.written: list[bool] = []

    def __call__(self, snapshot: Snapshot | None, fresh: bool) -> str:
        self.written.append(fresh)
        return f"a {len(self.written)}\n" * 300


def page(snapshot: Snapshot | None, text: Text) -> Page:
    return Page(lambda: snapshot, text, lambda age: f"age {age > STALE_SECONDS}\n")


def test_a_snapshot_is_written_once_for_all_who_ask() -> None:
    text = Text()
    served = page(Snapshot(taken_at=time.monotonic()), text)
    bodies: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: bodies.append(served.body(gzip=False))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert set(bodies) == {b"a 1\n" * 300 + b"age False\n"}
    assert len(bodies) == 20
    assert text.written == [True]


def test_compressed_it_is_the_same_page_each_time() -> None:
    served = page(Snapshot(taken_at=time.monotonic()), Text())
    plain = served.body(gzip=False)
    for _ in range(2):
        packed = served.body(gzip=True)
        assert gzip.decompress(packed) == plain
        assert len(packed) < len(plain) / 10


def test_a_new_snapshot_is_written_anew() -> None:
    shown = [Snapshot(taken_at=time.monotonic())]
    served = Page(lambda: shown[0], text := Text())
    first = served.body(gzip=False)
    shown[0] = Snapshot(taken_at=time.monotonic())
    assert served.body(gzip=False) != first
    assert text.written == [True, True]


def test_an_old_snapshot_is_written_without_what_may_be_wrong_by_now() -> None:
    old = Snapshot(taken_at=time.monotonic() - STALE_SECONDS - 1)
    served = page(old, text := Text())
    assert served.body(gzip=False).endswith(b"age True\n")
    assert text.written == [False]


def test_a_name_that_is_no_utf_8_spoils_no_page() -> None:
    name = b"p\xff".decode(errors="surrogateescape")
    served = Page(lambda: None, lambda *_: f'a{{pod="{name}"}} 1\n')
    assert served.body(gzip=False) == b'a{pod="p?"} 1\n'


def test_before_the_first_snapshot_there_is_no_age() -> None:
    assert page(None, Text()).body(gzip=False) == b"a 1\n" * 300
