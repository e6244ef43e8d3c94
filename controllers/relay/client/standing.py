"""How a relay-client stands with the control plane, as it tells who looks at it in its pod."""

import msgspec

PATH = "/standing"


class Standing(msgspec.Struct, frozen=True):
    """What the control plane has refused; nothing of it is secret."""

    token_id: str = ""
    """Of the join token that could not be redeemed; empty when none was in vain."""
    token_refusal: str = ""
    """Why."""
