"""How findings are told: to people, and to programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from controllers.preflight.checks import Finding

MARKS = {"ok": "ok     ", "warning": "warning", "failed": "FAILED "}


def text(found: Sequence[Finding]) -> str:
    """A table, a line more for what to do, and what it comes to."""
    width = max(len(each.check) for each in found)
    lines = []
    for each in found:
        lines.append(f"{MARKS[each.state]}  {each.check:<{width}}  {each.says}")
        if each.fix:
            lines.append(f"         {'':<{width}}  do: {each.fix}")
    bad = sum(each.state == "failed" for each in found)
    lines.append(f"Not ready: {bad} FAILED." if bad else "Ready.")
    return "\n".join(lines) + "\n"


def document(found: Sequence[Finding]) -> str:
    """The same as JSON."""
    rows = [asdict(each) for each in found]
    return json.dumps({"ready": not failed(found), "items": rows}, indent=2) + "\n"


def failed(found: Sequence[Finding]) -> bool:
    """Whether installing would not work."""
    return any(each.state == "failed" for each in found)
