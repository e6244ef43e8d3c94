import pytest

from infra.local import real_node
from infra.local.real_node import RealNode


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import time; time.sleep(600)", "no end after 2 s"),
        ("import os; os.abort()", "failed: signal 6 (SIGABRT)"),
        ("import sys; sys.exit('nvmlInit_v2 answers: Unknown Error (999)')", "Unknown Error (999)"),
    ],
    ids=["hangs", "crashes", "refuses"],
)
def test_a_driver_that_does_not_work_is_told_and_left_out(
    tmp_path, monkeypatch, program: str, words: str
) -> None:
    stand_in = tmp_path / "infra" / "local" / "driver.py"
    stand_in.parent.mkdir(parents=True)
    for folder in (stand_in.parent, stand_in.parent.parent):
        (folder / "__init__.py").touch()
    stand_in.write_text(program)
    monkeypatch.chdir(tmp_path)  # `python -m` looks there first
    monkeypatch.setattr(real_node, "ANSWER_SECONDS", 2.0)
    said: list[str] = []
    assert real_node.find(tmp_path, said.append) is None
    assert len(said) == 1
    assert words in said[0]
    assert said[0].endswith("its GPUs are left out")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Box.example.org", "real-box"),
        ("gpu_host-7", "real-gpu-host-7"),
        ("", "real-this-machine"),
        ("a" * 54 + "-b", "real-" + "a" * 54),
    ],
)
def test_any_host_name_makes_a_valid_node_name(monkeypatch, tmp_path, host: str, name: str) -> None:
    monkeypatch.setattr("platform.node", lambda: host)
    answer = '{"count": 2, "model": "NVIDIA H200"}'
    monkeypatch.setattr("infra.local.step.python", lambda *_: answer)
    assert real_node.find(tmp_path, print) == RealNode(name, 2, "NVIDIA H200")


def test_the_model_becomes_a_valid_label() -> None:
    real = RealNode("real-box", 1, "Quadro RTX 8000 (Max-Q)")
    labels = real_node.node(real)["metadata"]["labels"]
    assert labels["nvidia.com/gpu.product"] == "Quadro-RTX-8000-Max-Q"
    assert "neurox.io/simulated" not in labels
