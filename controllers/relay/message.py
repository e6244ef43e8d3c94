"""The control messages of ``neurox-relay.v1``: text frames with JSON, told apart by ``type``."""

from typing import TypeAlias

import msgspec

from controllers.relay.hub_key import HubKey
from controllers.relay.wire import WireError

ROTATE = "rotate"
"""The feature of a server that takes new keys."""


class Pool(msgspec.Struct, frozen=True):
    """How many connections the server wants."""

    min: int
    start: int
    max: int


class Hello(msgspec.Struct, tag_field="type", tag="hello", frozen=True):
    """Server to client, first of all: who answers, and its wishes."""

    replica: str
    pool: Pool
    ping_s: float
    replicas: tuple[str, ...] = ()
    limits: dict[str, int] = {}
    features: tuple[str, ...] = ()
    hub_keys: tuple[HubKey, ...] = ()
    """The control plane's keys, oldest first, each signed by the one before."""


class Open(msgspec.Struct, tag_field="type", tag="open", frozen=True):
    """Server to client: begin a stream to a named target."""

    id: int
    target: str
    deadline_ms: int
    traceparent: str | None = None


class Opened(msgspec.Struct, tag_field="type", tag="opened", frozen=True):
    """Client to server: the target is connected."""

    id: int


class Refused(msgspec.Struct, tag_field="type", tag="refused", frozen=True):
    """Client to server: no stream; the connection is idle again."""

    id: int
    code: str
    message: str = ""


class Reset(msgspec.Struct, tag_field="type", tag="reset", frozen=True):
    """Either way: the stream is cut; answered by the same, then the connection is idle."""

    id: int
    code: str
    message: str = ""


class Want(msgspec.Struct, tag_field="type", tag="want", frozen=True):
    """Server to client: callers wait; dial ``n`` more now."""

    n: int


class Drain(msgspec.Struct, tag_field="type", tag="drain", frozen=True):
    """Either way: begin no new stream here; those that run have ``deadline_s`` left."""

    deadline_s: float


class Rotate(msgspec.Struct, tag_field="type", tag="rotate", frozen=True):
    """Server to client: replace the key ``kid``. Client to server: here is the new one.

    ``token`` is signed by the key in use, ``proof`` by the new one; ``failed``, instead of all
    that, says why there is none.
    """

    kid: str = ""
    public_key: str = ""
    token: str = ""
    proof: str = ""
    failed: str = ""


class Rotated(msgspec.Struct, tag_field="type", tag="rotated", frozen=True):
    """Server to client: the key ``kid`` is good, or why it is refused."""

    kid: str
    refusal: str = ""


class Hub(msgspec.Struct, tag_field="type", tag="hub", frozen=True):
    """Server to client: where the control plane is, the current address first.

    ``ca_pem`` is a piece of the CAs to trust; ``more`` follow it.
    """

    urls: tuple[str, ...]
    ca_pem: str = ""
    more: bool = False


class Report(msgspec.Struct, tag_field="type", tag="report", frozen=True):
    """Client to server: how far its clock is ahead, and when (epoch seconds) its key changes."""

    skew_s: float
    rotates_at: float | None = None


Message: TypeAlias = (
    Hello | Open | Opened | Refused | Reset | Want | Drain | Rotate | Rotated | Report | Hub
)


class _AnyType(msgspec.Struct):
    type: str


_known = {kind.__struct_config__.tag for kind in Message.__args__}
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_encoder = msgspec.json.Encoder()


def encode(message: Message) -> bytes:
    """The payload of its text frame."""
    return _encoder.encode(message)


def decode(payload: bytes) -> Message | None:
    """The message; None when its type is of a later version; WireError when it is malformed."""
    try:
        return _decoder.decode(payload)
    except RecursionError:
        raise WireError("a control message is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
        try:
            kind = msgspec.json.decode(payload, type=_AnyType).type
        except (msgspec.MsgspecError, UnicodeDecodeError):
            kind = None
        if kind is None or kind in _known:
            raise WireError(f"a control message cannot be read: {failure}") from failure
        return None
