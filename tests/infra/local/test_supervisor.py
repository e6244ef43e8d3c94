import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from infra.local import record
from infra.local.child import how_it_ended
from infra.local.errors import TIMEOUT, LocalError
from infra.local.process import Process
from infra.local.supervisor import Supervisor

FOREVER = "import time\nwhile True: time.sleep(60)"
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf')\n" + FOREVER


def program(name: str, code: str = FOREVER, **more: object) -> Process:
    return Process(name, (sys.executable, "-S", "-c", code), **more)  # type: ignore[arg-type]


async def true(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.02)


class Fleet:
    """A supervisor over small programs, and what it said."""

    def __init__(self, state: Path, *processes: Process) -> None:
        self.said: list[str] = []
        self.hurry = asyncio.Event()
        self.supervisor = Supervisor(processes, state, self.said.append, self.hurry)
        self.keepers = self.supervisor.keepers

    async def __aenter__(self) -> "Fleet":
        self.supervisor.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.supervisor.stop()

    async def ready(self, *names: str, seconds: float = 15) -> None:
        await self.supervisor.ready(names or tuple(self.keepers), seconds)


def in_loop(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 40))  # type: ignore[arg-type]


def test_a_process_starts_when_its_needs_are_ready(tmp_path: Path) -> None:
    async def body() -> None:
        flag = tmp_path / "flag"
        order: list[str] = []
        first = program("first", ready=flag.exists, prepare=lambda: order.append("first"))
        then = program("then", needs=("first",), prepare=lambda: order.append("then"))
        async with Fleet(tmp_path, then, first) as fleet:
            await true(lambda: fleet.keepers["first"].pid)
            assert fleet.keepers["then"].pid is None
            assert fleet.keepers["then"].state == "waiting"
            flag.touch()
            await fleet.ready()
            assert order == ["first", "then"]

    in_loop(body)


def test_a_long_last_line_is_told_in_part(tmp_path: Path) -> None:
    async def body() -> None:
        async with Fleet(tmp_path, program("talks", "print('w' * 5000)")) as fleet:
            await true(lambda: fleet.said)
            told = fleet.said[0].splitlines()[1].strip()
            assert told == "w" * 200 + "..."
            assert fleet.keepers["talks"].log.last(1) == ["w" * 5000]

    in_loop(body)


def test_a_stranger_on_its_port_is_named_and_never_taken_for_the_process(tmp_path: Path) -> None:
    async def body() -> None:
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            port = stranger.getsockname()[1]
            served = program("served", port=port, ready=lambda: True)
            async with Fleet(tmp_path, served) as fleet:
                keeper = fleet.keepers["served"]
                await true(lambda: keeper.failures)
                assert not keeper.ready.is_set()
                assert keeper.pid is None
                assert f"port {port} is taken by " in fleet.said[0]
                stranger.close()
                await fleet.ready()

    in_loop(body)


def test_a_killed_process_is_started_again_and_the_death_is_told(tmp_path: Path) -> None:
    async def body() -> None:
        talks = program("talks", "print('last words', flush=True)\n" + FOREVER)
        async with Fleet(tmp_path, talks) as fleet:
            await fleet.ready()
            keeper = fleet.keepers["talks"]
            await true(lambda: keeper.log.last(1))
            first = keeper.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await true(lambda: keeper.pid not in (None, first))
            assert keeper.restarts == 1
            assert "signal 9 (SIGKILL)" in fleet.said[0]
            assert "last words" in fleet.said[0]
            assert "next try in 0.5 s" in fleet.said[0]

    in_loop(body)


def test_what_keeps_dying_waits_longer_each_time(tmp_path: Path) -> None:
    async def body() -> None:
        async with Fleet(tmp_path, program("dies", "raise SystemExit(3)")) as fleet:
            await true(lambda: len(fleet.said) >= 3)
            tries = [line.rpartition("next try in ")[2] for line in fleet.said[:3]]
            assert tries == ["0.5 s", "1 s", "2 s"]
            assert "exit status 3" in fleet.said[0]

    in_loop(body)


def test_a_first_start_that_fails_five_times_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.keeper.FIRST_DELAY_SECONDS", 0.001)

    async def body() -> None:
        bad = program("bad", "print('no such flag'); raise SystemExit(2)", ready=lambda: False)
        async with Fleet(tmp_path, bad) as fleet:
            with pytest.raises(LocalError, match="no such flag"):
                await fleet.ready()

    in_loop(body)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def body() -> None:
        async with Fleet(tmp_path, Process("ghost", (str(tmp_path / "nothing"),))) as fleet:
            await true(lambda: fleet.said)
            assert "ghost could not be started" in fleet.said[0]
            assert "nothing" in fleet.said[0]

    in_loop(body)


def test_what_is_not_ready_in_time_is_named_with_its_log(tmp_path: Path) -> None:
    async def body() -> None:
        def never() -> bool:
            raise ConnectionRefusedError

        slow = program("slow", "print('still loading', flush=True)\n" + FOREVER, ready=never)
        async with Fleet(tmp_path, slow) as fleet:
            await true(lambda: fleet.keepers["slow"].log.last(1))
            with pytest.raises(LocalError, match=r"slow(.|\n)*still loading") as late:
                await fleet.ready(seconds=0.1)
            assert late.value.exit_code == TIMEOUT

    in_loop(body)


def test_all_are_stopped_in_reverse_order(tmp_path: Path) -> None:
    async def body() -> None:
        order = tmp_path / "order"
        code = (
            "import signal,sys\ndef end(*_):\n"
            f"  open({str(order)!r}, 'a').write(sys.argv[1] + ' '); sys.exit()\n"
            "signal.signal(signal.SIGTERM, end)\nprint('up', flush=True)\n"
            "while True: signal.pause()"
        )

        def noted(name: str, *needs: str) -> Process:
            log = tmp_path / "logs" / f"{name}.log"
            argv = (sys.executable, "-S", "-c", code, name)
            ready: Callable[[], bool] = lambda: bool(log.read_text())  # noqa: E731
            return Process(name, argv, needs=needs, ready=ready)

        fleet = Fleet(tmp_path, noted("redis"), noted("web", "redis"), noted("client", "web"))
        async with fleet:
            await fleet.ready()
        assert order.read_text().split() == ["client", "web", "redis"]
        assert not record.path(tmp_path).exists()

    in_loop(body)


def test_one_that_ignores_sigterm_is_killed_after_its_seconds(tmp_path: Path) -> None:
    async def body() -> None:
        deaf = program("deaf", DEAF, stop_seconds=0.2)
        fleet = Fleet(tmp_path, deaf)
        async with fleet:
            await true(lambda: fleet.keepers["deaf"].log.last(1))
        assert fleet.keepers["deaf"].pid is None
        assert fleet.keepers["deaf"].state == "stopped"

    in_loop(body)


def test_hurry_kills_at_once(tmp_path: Path) -> None:
    async def body() -> None:
        fleet = Fleet(tmp_path, program("deaf", DEAF, stop_seconds=30))
        async with fleet:
            await true(lambda: fleet.keepers["deaf"].log.last(1))
            fleet.hurry.set()
        assert fleet.keepers["deaf"].pid is None

    in_loop(body)


def test_workers_of_a_dead_master_go_with_it(
    tmp_path: Path, is_alive: Callable[[int], bool]
) -> None:
    async def body() -> None:
        code = (
            "import subprocess,sys\n"
            "print(subprocess.Popen([sys.executable,'-S','-c',sys.argv[1]]).pid, flush=True)\n"
            + FOREVER
        )
        master = Process("master", (sys.executable, "-S", "-c", code, FOREVER))
        async with Fleet(tmp_path, master) as fleet:
            keeper = fleet.keepers["master"]
            await true(lambda: keeper.log.last(1))
            worker = int(keeper.log.last(1)[0])
            first = keeper.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await true(lambda: not is_alive(worker))
            await true(lambda: len(keeper.log.last(9)) == 2)

    in_loop(body)


def test_the_record_tells_what_runs(tmp_path: Path) -> None:
    async def body() -> None:
        async with Fleet(tmp_path, program("one")) as fleet:
            await fleet.ready()
            fleet.supervisor.now_ready("http://127.0.0.1:8080")
            await true(lambda: (found := record.read(tmp_path)) and found.phase == "ready")
            found = record.read(tmp_path)
            assert found is not None
            assert (found.pid, found.url) == (os.getpid(), "http://127.0.0.1:8080")
            (one,) = found.processes
            assert (one.name, one.state, one.restarts) == ("one", "running", 0)
            assert one.pid == fleet.keepers["one"].pid
            assert one.ticks == record.started_ticks(one.pid)

    in_loop(body)


def test_a_child_is_spared_what_would_lead_it_astray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROX_REDIS_URL", "redis://elsewhere")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/foreign.pem")
    monkeypatch.setenv("NO_PROXY", "example.org")

    async def body() -> None:
        code = "import os\nfor k in sorted(os.environ): print(k, os.environ[k], flush=True)\n"
        shows = program("shows", code + "print('end', flush=True)\n" + FOREVER, env={"OWN": "1"})
        async with Fleet(tmp_path, shows) as fleet:
            log = fleet.keepers["shows"].log
            await true(lambda: "end" in log.last(200))
            lines = log.last(200)
        assert "OWN 1" in lines
        assert "NO_PROXY example.org,127.0.0.1,localhost" in lines
        assert not [line for line in lines if "elsewhere" in line or "foreign" in line]

    in_loop(body)


def test_a_need_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    async def body() -> None:
        with pytest.raises(ValueError, match="redsi"):
            Fleet(tmp_path, program("web", needs=("redsi",)))

    in_loop(body)


@pytest.mark.parametrize(
    ("status", "words"), [(0, "exit status 0"), (-15, "signal 15 (SIGTERM)"), (-99, "signal 99")]
)
def test_an_end_is_told_in_words(status: int, words: str) -> None:
    assert how_it_ended(status) == words
