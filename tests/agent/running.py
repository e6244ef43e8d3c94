"""The agent as a process, and where it serves."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.agent.driven import environment

Agent = subprocess.Popen[str]


def started(env: Mapping[str, str], within: Sequence[str] = ()) -> Agent:
    """The agent of a node ``gpu-1`` with more of an environment; it logs to a pipe.

    ``within`` is a command that runs what follows it.
    """
    own = {"NEUROX_AGENT_NODE": "gpu-1", "NEUROX_AGENT_LISTEN": "127.0.0.1:0"}
    own["NEUROX_AGENT_HOST_PID"] = "true"  # also where the tests run in a container
    command = [*within, sys.executable, "-m", "agent"]
    return subprocess.Popen(
        command, env={**os.environ, **own, **env}, stderr=subprocess.PIPE, text=True
    )


def spawned(
    library: Path, folder: Path, scenario: str, within: Sequence[str] = (), **settings: str
) -> Agent:
    """On a driver that a scenario drives; ``settings`` by what follows NEUROX_AGENT_."""
    (folder / "scenario").write_text(scenario)
    given = {f"NEUROX_AGENT_{name}": value for name, value in settings.items()}
    return started(environment(library, folder / "scenario") | given, within)


def address(agent: Agent) -> tuple[str, str]:
    """Its address, as in http://127.0.0.1:9479, and all that it logged until it told that."""
    assert agent.stderr is not None
    said = ""
    for line in agent.stderr:
        said += line
        if found := re.search(r"(http://\S+)/metrics", line):
            return found[1], said
    raise AssertionError(f"the agent ended: {said}")
