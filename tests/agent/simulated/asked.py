"""Asks the C library through the unmodified pynvml, in a process of its own."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.agent.driven import python

HEAD = "driver = 580.95.05\ncuda = 13.0\n"
BEGIN = """
import json, os, sys, threading, time
import pynvml as n

def code(call, *arguments):
    try:
        call(*arguments)
    except n.NVMLError as error:
        return error.value
    return 0

def put(text):
    path = os.environ["NEUROX_NVML_SCENARIO"]
    with open(path + ".draft", "w") as file:
        file.write(text)
    os.replace(path + ".draft", path)
    code(n.nvmlDeviceGetCount)  # the library looks at the next call

def field(device, id, scope=0):
    value = n.nvmlDeviceGetFieldValues(device, [(id, scope)])[0]
    read = {1: "uiVal", 3: "ullVal"}[value.valueType]
    return -value.nvmlReturn or getattr(value.value, read)
"""
OPEN = "n.nvmlInit()\ngpu = n.nvmlDeviceGetHandleByIndex(0)\n"


class Asked:
    """What a script printed: its answer as JSON, and what the library wrote to stderr."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        assert done.returncode == 0, done.stderr
        self.answer: Any = json.loads(done.stdout)
        self.stderr = done.stderr


def of(profile: str, *lines: str, index: int = 0) -> str:
    """A GPU's section."""
    uuid = f"GPU-00000000-0000-0000-0000-{index:012}"
    return "\n".join([f"[gpu {index}]", f"profile = {profile}", f"uuid = {uuid}", *lines, ""])


Ask = Callable[..., Asked]
"""``ask(scenario, script, begin=OPEN)``: runs ``begin``, and prints ``script``."""


def ask_of(library: Path, folder: Path) -> Ask:
    """Asks the library in a folder by a scenario in another."""

    def ask(text: str, script: str, begin: str = OPEN) -> Asked:
        whole = BEGIN + begin + f"print(json.dumps({script}))"
        return Asked(python(library, folder, text, whole))

    return ask
