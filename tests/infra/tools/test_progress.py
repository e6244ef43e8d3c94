import io
import time

from rich.console import Console

from infra.tools.progress import Lines, LiveLine, Step, clock, progress_on


def test_a_pipe_gets_one_line_at_the_start_and_one_at_the_end() -> None:
    stream = io.StringIO()
    lines, step = Lines(stream), Step(2, 7, "kwok", "0.8.0", "Building")
    lines.begin(step)
    for _ in range(100):
        lines.tick(step, "compiling")
    lines.end(step)
    assert stream.getvalue() == (
        "[2/7] Building kwok 0.8.0; 5 left\n[2/7] Building kwok 0.8.0: done in 0:00\n"
    )


def test_a_long_step_says_every_fifteen_seconds_that_it_lives(monkeypatch) -> None:
    stream, now = io.StringIO(), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    lines, step = Lines(stream), Step(7, 7, "thanos", "0.42.4", "Building", since=1000.0)
    lines.begin(step)
    for second in range(40):
        now[0] = 1000.0 + second
        lines.tick(step, "k8s.io/api")
    assert stream.getvalue().splitlines() == [
        "[7/7] Building thanos 0.42.4; the last one",
        "[7/7] Building thanos 0.42.4: 0:15 k8s.io/api",
        "[7/7] Building thanos 0.42.4: 0:30 k8s.io/api",
    ]


def test_a_terminal_shows_which_how_many_left_and_keeps_what_is_done() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    live, step = LiveLine(console), Step(1, 3, "etcd", "3.7.3", "Building")
    live.begin(step)
    live.tick(step, "go.uber.org/zap")
    live.end(step)
    live.close()
    shown = stream.getvalue()
    for part in ("[1/3] Building etcd 3.7.3", "2 left", "go.uber.org/zap", "✓"):
        assert part in shown


def test_the_stream_decides_which_kind() -> None:
    assert isinstance(progress_on(io.StringIO()), Lines)


def test_a_clock_shows_minutes_and_seconds() -> None:
    assert clock(125.9) == "2:05"
