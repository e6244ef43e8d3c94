import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local import admin
from infra.local.down import down
from infra.local.errors import LocalError
from infra.local.state import State

HOLDER = """
import signal, sys
from pathlib import Path
from infra.local.lock import Lock
with Lock(Path(sys.argv[1])) as lock:
    lock.describe("http://127.0.0.1:1")
    print("held", flush=True)
    signal.sigwait([signal.SIGTERM])
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "neurox" / "contexts.json"


def test_a_running_fleet_is_asked_to_stop_and_waited_for(tmp_path: Path) -> None:
    folder, said = tmp_path / "state", list[str]()
    folder.mkdir()
    program = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])" + HOLDER
    argv = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        down(folder, forget=False, say=said.append)
        assert holder.wait(timeout=5) == 0
    assert said == [f"stopping neurox (pid {holder.pid})", "stopped"]
    assert not (folder / "lock").exists()


def test_what_a_killed_up_left_is_ended(tmp_path: Path, until: Callable[..., None]) -> None:
    folder, said = tmp_path / "state", list[str]()
    State(folder).save()
    env = {"NEUROX_LOCAL_STATE": str(folder)}
    with subprocess.Popen(["/bin/sleep", "60"], env=env) as left:
        until(lambda: Path(f"/proc/{left.pid}/comm").read_text() == "sleep\n")
        down(folder, forget=False, say=said.append)
        assert left.wait(timeout=5) != 0
    assert said == ["ended 1 processes that a killed `neurox up` had left"]


def test_with_nothing_there_it_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    down(tmp_path / "state", forget=True, say=said.append)
    assert said == [f"nothing runs and there is no state in {tmp_path / 'state'}"]
    assert not (tmp_path / "state").exists()


def test_a_purge_forgets_state_and_context(tmp_path: Path, config: Path) -> None:
    folder = tmp_path / "state"
    State(folder, ports={"http": 8099}).save()
    admin.write_context(config, "http://127.0.0.1:8099", "nxu_1")
    down(folder, forget=True, say=lambda _: None)
    assert not folder.exists()
    assert json.loads(config.read_text())["contexts"] == {}


def test_a_broken_state_stops_down_but_not_a_purge(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "state.json").write_text("{")
    with pytest.raises(LocalError, match="--purge"):
        down(folder, forget=False, say=lambda _: None)
    down(folder, forget=True, say=lambda _: None)
    assert not folder.exists()


def test_a_cluster_that_is_gone_stops_down_but_not_a_purge(tmp_path: Path) -> None:
    folder, said = tmp_path / "state", list[str]()
    row = {"context": "prod", "kubeconfig": str(tmp_path / "absent")}
    State(folder, clusters={"prod": row}).save()
    with pytest.raises(LocalError, match=r"prod.*\n.*--purge"):
        down(folder, forget=False, say=said.append)
    assert (folder / "state.json").exists()
    down(folder, forget=True, say=said.append)
    assert not folder.exists()
    assert "namespace neurox-system" in said[0]
