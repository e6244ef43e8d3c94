"""Warnings that strangers can bring about do not fill the log."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from controllers.relay.seldom import SECONDS, Seldom

log = logging.getLogger("seldom")


class Now:
    """A clock that is set."""

    at = 5.0

    def __call__(self) -> float:
        return self.at


def test_each_kind_is_said_once_a_minute_with_how_many_there_were_between(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = Now()
    seldom = Seldom(log, now)
    for _ in range(3):
        seldom.warning("a", "first")
    seldom.warning("b", "another kind")
    now.at += SECONDS - 1
    seldom.warning("a", "too soon")
    assert caplog.messages == ["first", "another kind"]
    now.at += 1
    seldom.warning("a", "second")
    now.at += SECONDS
    seldom.warning("a", "third")
    assert caplog.messages[2:] == [
        "second (3 more like this since the last that was logged)",
        "third",
    ]


def test_many_threads_say_it_once_and_none_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    now = Now()
    seldom = Seldom(log, now)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: seldom.warning("a", "said"), range(400)))
    assert caplog.messages == ["said"]
    now.at += SECONDS
    seldom.warning("a", "said")
    assert caplog.messages[1] == "said (399 more like this since the last that was logged)"
