"""What comes too late, or is cut short: nobody takes it for something else, and nothing is lost."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import pytest
import uvloop

from controllers.relay.awaited_head import AwaitedHead
from controllers.relay.call import Call, CallFailed, HttpClient, Origin, connect
from controllers.relay.client.clock import Clock
from controllers.relay.client.dial import Dialler
from controllers.relay.client.keyring import Member
from controllers.relay.connection import Connection
from controllers.relay.event_loop import ended
from controllers.relay.identity import PrivateKey
from controllers.relay.server.contacts import Contacts
from controllers.relay.server.gateway import Gateway
from controllers.relay.server.pool import Pools
from controllers.relay.server.presence import Presence
from controllers.relay.trouble import Trouble
from controllers.store import keys


def test_a_join_secret_that_comes_during_a_join_is_used_after_it(
    new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    site = new_site()
    second = site.hub.record("second")

    def comes(method: str, when: str) -> None:
        if (
            method == "PATCH"
            and when == "before"
            and "cluster-id" in site.kubernetes.state["patch"]
        ):
            del site.kubernetes.state["pause"]
            site.join_file.write_text(site.hub.kubeconfig(second))

    site.kubernetes.state["pause"] = comes
    site.join_file.write_text(site.hub.kubeconfig(site.cluster_id))
    site.start()
    eventually("it is the second cluster", lambda: site.kept().get("cluster-id") == second)
    site.cluster_id = second
    eventually("it is connected as that", site.is_connected)


async def gone() -> Connection:
    connection = Connection()
    connection.close()
    return connection


def test_an_answer_is_not_awaited_on_a_connection_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def handshake() -> None:
        async with asyncio.timeout(5):
            await AwaitedHead(await gone(), "the hub").answer

    async def call() -> None:
        monkeypatch.setattr("controllers.relay.call.connect", lambda _: gone())
        async with asyncio.timeout(5):
            await HttpClient(Origin("hub.example", 443)).send(Call("GET", "/"), 60.0)

    with pytest.raises(CallFailed, match="closed during the handshake"):
        asyncio.run(handshake())
    with pytest.raises(CallFailed, match="closed without an answer"):
        asyncio.run(call())


class Slow:
    """A Redis that does not answer the first time, for as long as it is waited for."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.said: list[Sequence[Any]] = []
        self.taken_back: set[str] = set()

    async def recorded(self, clusters: list[str]) -> set[str]:
        return set(clusters)

    async def say(self, commands: Iterable[Sequence[Any]]) -> None:
        if not self.asked.is_set():
            self.asked.set()
            await asyncio.Event().wait()
        self.said += commands

    name = "r1"

    async def announce(self, *_: object) -> set[str]:
        self.asked.set()
        return await asyncio.Event().wait() and set()

    async def withdraw(self, clusters: Iterable[str]) -> None:
        self.taken_back = set(clusters)


def test_what_is_being_noted_when_a_relay_server_ends_is_noted_all_the_same() -> None:
    async def ends() -> Slow:
        slow = Slow()
        contacts = Contacts(cast(Any, slow), "r1")
        contacts.changed("c1", connected=False, why="the relay-server stopped")
        running = asyncio.create_task(contacts.run(Pools(), Gateway("http://x", "t")))
        await slow.asked.wait()
        await ended([running])
        return slow

    said = asyncio.run(ends()).said
    assert [row[:2] for row in said if row[0] == "LPUSH"] == [("LPUSH", keys.relay_history("c1"))]


def test_what_is_being_announced_when_a_relay_server_ends_is_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ends() -> Slow:
        slow = Slow()
        monkeypatch.setattr(
            "controllers.relay.server.presence.counts", lambda _: {"c1": {"idle": 1, "streams": 0}}
        )
        presence = Presence(cast(Any, slow), Pools(), "127.0.0.1:1")
        running = asyncio.create_task(presence.run(lambda: None))
        await slow.asked.wait()
        await ended([running])
        return slow

    assert asyncio.run(ends()).taken_back == {"c1"}


def test_a_hub_that_speaks_no_http_keeps_no_connection_of_ours() -> None:
    async def dial() -> bytes:
        heard = asyncio.get_running_loop().create_future()

        async def strange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"220 mail.example ready\r\n\r\n")
            heard.set_result(reader)

        server = await asyncio.start_server(strange, "127.0.0.1", 0)
        origin = Origin("127.0.0.1", server.sockets[0].getsockname()[1])
        member = Member("c1", "https://hub.example", None, PrivateKey.generate())
        dialler = Dialler(member, Clock(), "i", cast(Any, None))
        with pytest.raises(CallFailed, match="does not speak HTTP"):
            await dialler._dial(origin, cast(Any, None))
        server.close()
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                return await (await heard).read()
        return b""

    assert asyncio.run(dial()) == b""


@pytest.mark.parametrize("host", ["hub..example", ".example", "a" * 64 + ".example", "\ud800"])
@pytest.mark.parametrize("factory", [None, uvloop.new_event_loop])
def test_what_is_no_name_of_a_host_is_not_reached_and_no_more(host: str, factory: Any) -> None:
    async def tried() -> None:
        await connect(Origin(host, 443))

    runner = asyncio.Runner(loop_factory=factory)
    with runner, pytest.raises(CallFailed, match="it is no name of a host") as failed:
        runner.run(tried())
    assert failed.value.kind is Trouble.NAME
