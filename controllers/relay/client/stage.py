"""One stage of the way between this cluster and the hub, as the portal's lists have it."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "waiting", "failed"]
LOGS = "kubectl -n neurox-system logs deploy/neurox-relay-client --tail=20"
NOT_LOOKED_AT = "Not looked at: something before it has failed."
ANOTHER = (
    "Unless it says otherwise, make a new join Secret (Clusters page, or `neurox cluster join NAME`"
    ", with --rebuilt for a cluster that was made anew) and apply it here."
)


@dataclass(frozen=True)
class Stage:
    """What was found, and for what is not well, what to do and the command for it."""

    key: str
    label: str
    state: State
    detail: str
    fix: str = ""
    command: str = ""


class Fault(Exception):
    """A stage has failed; the message says of what, ``fix`` what to do."""

    def __init__(self, says: str, fix: str) -> None:
        super().__init__(says)
        self.fix = fix
