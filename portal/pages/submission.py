"""What was typed into the form of a new workload, as the API takes it."""

import re
import shlex
from collections.abc import Mapping

from portal.schemas import RUNTIME_MOST, WorkloadIn

FIELDS = (
    "name",
    "project",
    "group",
    "pool",
    "pods",
    "gpus_per_pod",
    "level",
    "image",
    "command",
    "max_runtime",
    "run_seconds",
    "load",
)
RUN_SECONDS = "neurox.io/simulated-run-seconds"
LOAD = "neurox.io/simulated-load"
LONGEST = 18
"""Digits; no limit of the API is near it."""
# Not all that int() takes.
_WHOLE = re.compile(rf"[+-]?[0-9]{{1,{LONGEST}}}")


class Faults(ValueError):
    """What cannot even be sent: a sentence a field."""

    def __init__(self, by_field: dict[str, str]) -> None:
        super().__init__(", ".join(by_field))
        self.by_field = by_field


def read(given: Mapping[str, str]) -> WorkloadIn:
    """The workload that was typed; raises ``Faults``. Whether it makes sense is the API's to say.

    ``max_runtime`` is minutes, ``run_seconds`` seconds, ``load`` percent.
    """
    faults: dict[str, str] = {}
    pods = _whole("pods", given, faults, 1)
    gpus = _whole("gpus_per_pod", given, faults, 1)
    minutes = _between("max_runtime", given, faults, 1, RUNTIME_MOST // 60)
    command = _command(given, faults)
    annotations = _annotations(given, faults)
    for name, label in (("name", "a name"), ("project", "a project")):
        if not given.get(name):
            faults[name] = f"Give it {label}." if name == "name" else f"Choose {label}."
    if faults:
        raise Faults(faults)
    return WorkloadIn(
        name=given["name"],
        project=given["project"],
        group=given.get("group") or None,
        pool=given.get("pool") or None,
        pods=pods or 0,
        gpus_per_pod=gpus or 0,
        level=given.get("level") or None,
        image=given.get("image") or "busybox",
        command=command,
        max_runtime_seconds=None if minutes is None else minutes * 60,
        annotations=annotations,
    )


def _whole(
    name: str, given: Mapping[str, str], faults: dict[str, str], default: int | None
) -> int | None:
    text = given.get(name, "")
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) > LONGEST:
        faults[name] = f"That number is too large: it has {len(text)} digits."
        return default
    if not _WHOLE.fullmatch(text):
        faults[name] = f"A whole number is needed, not “{text[:40]}”."
        return default
    return int(text)


def _between(
    name: str, given: Mapping[str, str], faults: dict[str, str], least: int, most: int
) -> int | None:
    number = _whole(name, given, faults, None)
    if number is not None and not least <= number <= most:
        faults[name] = f"Between {least} and {most:,}, not {number}; leave it empty for none."
    return number


def _command(given: Mapping[str, str], faults: dict[str, str]) -> list[str]:
    try:
        return shlex.split(given.get("command", ""))
    except ValueError:
        faults["command"] = "A quotation mark is not closed."
        return []


def _annotations(given: Mapping[str, str], faults: dict[str, str]) -> dict[str, str]:
    annotations = {}
    seconds = _between("run_seconds", given, faults, 1, RUNTIME_MOST)
    if seconds is not None:
        annotations[RUN_SECONDS] = str(seconds)
    load = _between("load", given, faults, 0, 100)
    if load is not None:
        annotations[LOAD] = f"{load / 100:g}"
    return annotations
