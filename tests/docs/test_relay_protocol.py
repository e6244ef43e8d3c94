"""The page of the relay's protocol says what the code says: messages, limits, codes, paths."""

import re
from pathlib import Path

import msgspec
import pytest

from controllers.relay import identity, limits, message, websocket, wire
from controllers.relay.client import demand, gateway, joiner
from controllers.relay.server import contacts, revocation, tunnel
from controllers.relay.server.pace import A_SECOND, BURST

PAGE = (Path(__file__).parents[2] / "docs/reference/relay-protocol.md").read_text()
KINDS = {kind.__struct_config__.tag: kind for kind in message.Message.__args__}
UNITS = {"KiB": 1024, "MiB": 1024 * 1024}
LIMITS = {
    "a data frame": limits.FRAME_BYTES,
    "a data frame that ours sends": limits.SEND_BYTES,
    "a control message": limits.TEXT_BYTES,
    "data kept until the target is connected": limits.HELD_BYTES,
    "bytes of one connection before others have their turn": limits.TURN_BYTES,
    "unsent bytes of a connection before its source waits": limits.HIGH_WATER_BYTES,
    "unsent control frames before the connection is cut": limits.UNSENT_BYTES,
    "a request's head": limits.HEAD_BYTES,
    "a join request": limits.JOIN_BYTES,
    "a write": limits.WRITE_BYTES,
    "writes of a cluster under way": limits.WRITES_PER_CLUSTER,
    "connections of a cluster": limits.CONNECTIONS_PER_CLUSTER,
    "streams of a cluster": limits.STREAMS_PER_CLUSTER,
    "connections to a server that have proven nothing": limits.UNAUTHENTICATED_SOCKETS,
}
SECONDS = (
    limits.Timing().ping,
    contacts.LOOK_SECONDS,
    limits.Timing().dead,
    limits.DIAL_SECONDS,
    limits.RESET_SECONDS,
    limits.HEAD_SECONDS,
    demand.LIFE_SECONDS,
    demand.SURPLUS_SECONDS,
    tunnel.POOL_WAIT_SECONDS,
    limits.Timing().dead,
)


def part(name: str, level: str = "##") -> str:
    """What stands below a heading."""
    _, found, rest = PAGE.partition(f"\n{level} {name}\n")
    assert found, f"there is no heading {name!r}"
    return re.split(rf"\n#{{2,{len(level)}}} ", rest)[0]


def rows(name: str) -> dict[str, str]:
    """The first and the last cell of each row."""
    cells = [line.strip("| ").split(" | ") for line in part(name).splitlines() if "| " in line]
    return {row[0]: row[-1] for row in cells[1:]}


def test_the_page_has_every_message_and_no_other() -> None:
    assert re.findall(r"^### `(\w+)`$", part("Messages", "##"), re.MULTILINE) == list(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_message_is_described_field_by_field_with_an_example(name: str) -> None:
    text = part(f"`{name}`", "###")
    told = re.findall(r"^- `(\w+)`(, may be absent)?:", text, re.MULTILINE)
    fields = msgspec.structs.fields(KINDS[name])
    assert told == [(f.encode_name, "" if f.required else ", may be absent") for f in fields]
    example = text.partition("```json\n")[2].partition("```")[0].encode()
    assert type(message.decode(example)) is KINDS[name]
    assert set(msgspec.json.decode(example)) == {"type", *(f.encode_name for f in fields)}


def test_the_limits_are_those_of_the_code() -> None:
    def number(words: str) -> int:
        digits, _, unit = words.partition(" ")
        return int(digits.replace(",", "")) * UNITS.get(unit, 1)

    assert {what: number(most) for what, most in rows("Limits").items()} == LIMITS


def test_the_times_are_those_of_the_code() -> None:
    assert tuple(float(seconds) for seconds in rows("Timing").values()) == SECONDS


def test_close_codes_tokens_and_paths_are_those_of_the_code() -> None:
    codes = (wire.NORMAL, wire.GOING_AWAY, wire.PROTOCOL_ERROR, revocation.REVOKED)
    assert re.findall(r"^\| (1\d{3}) \|", part("Frames"), re.MULTILINE) == [str(c) for c in codes]
    tokens = part("Who asks: tokens")
    for audience in (identity.CONNECT, identity.WRITE, identity.ROTATE):
        assert f"`{audience}`" in tokens
    assert f"{identity.TOKEN_CHARACTERS:,} characters" in tokens
    assert f"{limits.SKEW_SECONDS} s" in tokens
    assert f"show {BURST} at once and {A_SECOND:g} a second" in tokens
    for path in (f"POST {joiner.JOIN_PATH}", f"GET {websocket.CONNECT_PATH}"):
        assert f"\n{path} HTTP/1.1\n" in PAGE
    assert f"\nPOST {gateway.WRITE_PATH} HTTP/1.1\n" in PAGE


def test_the_example_of_a_handshake_is_one_that_the_server_would_give() -> None:
    asked = re.search(r"sec-websocket-key: (\S+)", PAGE)
    answered = re.search(r"sec-websocket-accept: (\S+)", PAGE)
    assert asked
    assert answered
    assert websocket.accept(asked[1]) == answered[1]
    assert f"sec-websocket-protocol: {limits.PROTOCOL}" in PAGE
