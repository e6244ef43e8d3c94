"""How a relay-client stands with the control plane, as it tells who looks at it in its pod."""

import msgspec

PATH = "/standing"


class Written(msgspec.Struct, frozen=True):
    """How the last metrics were answered."""

    status: int
    at: float
    """In epoch seconds."""
    words: str = ""
    """Why they were not taken, where that was said."""
    barred: bool = False
    """It was not the relay-server that answered."""


class Standing(msgspec.Struct, frozen=True):
    """What the control plane has refused; nothing of it is secret."""

    token_id: str = ""
    """Of the join token that could not be redeemed; empty when none was in vain."""
    token_refusal: str = ""
    """Why."""
    dial_status: int = 0
    """The relay-server's answer to the last dial; 0 while there are connections, or when it gave
    none."""
    written: Written | None = None
