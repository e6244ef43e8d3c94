"""Keys of a cluster and of its hub: what comes late is not taken for what is asked now."""

import asyncio
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from controllers.relay import hub_key, message
from controllers.relay.barred import SERVER
from controllers.relay.call import Answer, Origin
from controllers.relay.client import keyring
from controllers.relay.client.clock import Clock
from controllers.relay.client.dial import DialRefused
from controllers.relay.client.gateway import MetricsOut
from controllers.relay.client.keyring import Member
from controllers.relay.client.kubernetes import Kubernetes, Secret
from controllers.relay.client.rotation import Rotation, RotationFailed
from controllers.relay.client.trust import Trust
from controllers.relay.event_loop import ended
from controllers.relay.exchange import Problem
from controllers.relay.head import AnswerHead
from controllers.relay.identity import ROTATE, PrivateKey
from controllers.relay.server.observed import Observed
from controllers.relay.server.rotation import KeyDesk


def test_the_hubs_answer_about_another_key_is_not_taken_for_that_about_this_one() -> None:
    async def offer() -> None:
        rotation = Rotation(cast(Any, None), Clock(), 30.0, lambda _: None)
        former, successor = PrivateKey.generate(), PrivateKey.generate()

        class Pool:
            def tell(self, _: message.Message) -> bool:
                rotation.hears(message.Rotated(PrivateKey.generate().kid))
                rotation.hears(message.Rotated(successor.kid, "eight keys are enough"))
                return True

        member = Member("c1", "https://hub.example", None, former)
        await rotation._register(member, successor, cast(Any, Pool()))

    with pytest.raises(RotationFailed, match="eight keys are enough"):
        asyncio.run(offer())


class Kept:
    """An API server that says yes to every change of a Secret."""

    def __init__(self, **secrets: dict[str, str]) -> None:
        self.secrets = {name.replace("_", "-"): data for name, data in secrets.items()}

    @property
    def hub_keys(self) -> dict[str, str]:
        return self.secrets[hub_key.SECRET]

    async def secret(self, name: str) -> Secret:
        return Secret(self.secrets.get(name, {}), "1")

    async def patch_secret(self, name: str, data: dict[str, str], _version: str) -> Secret:
        self.secrets[name] = {**self.secrets.get(name, {}), **data}
        return Secret(self.secrets[name], "1")


def test_a_former_hubs_last_word_is_not_taken_for_the_new_ones() -> None:
    kept = Kept()

    async def moves() -> None:
        trust = Trust(cast(Kubernetes, kept))
        trust.offer([hub_key.HubKey(PrivateKey.generate().public)])
        await trust.begin("new", ())
        following = asyncio.create_task(trust.run("new"))
        await asyncio.wait([following], timeout=0.05)
        await ended([following])

    asyncio.run(moves())
    assert kept.hub_keys == {"cluster-id": "new", "keys": "[]"}


@pytest.mark.parametrize("member", ["new", "former"])
def test_what_the_former_hub_says_to_a_late_replica_replaces_no_newer_keys(member: str) -> None:
    place = {"cluster-id": member, "server": "https://hub.example"}
    kept = Kept(
        neurox_hub_keys={"cluster-id": "new", "keys": "[]"},
        neurox_relay_key={"key": PrivateKey.generate().pem(), **place},
    )

    async def hears() -> None:
        trust = Trust(cast(Kubernetes, kept))
        trust.offer([hub_key.HubKey(PrivateKey.generate().public)])
        following = asyncio.create_task(trust.run("former"))
        await asyncio.wait([following], timeout=0.05)
        await ended([following])

    asyncio.run(hears())
    assert kept.hub_keys["cluster-id"] == member


def test_a_new_key_is_heard_while_the_complaint_about_the_last_one_is_noted() -> None:
    class Registry:
        notes = 0

        async def note(self, *_: object) -> None:
            self.notes += 1
            if self.notes == 1:
                await asyncio.Event().wait()

        async def keys_of(self, *_: object) -> dict[str, str]:
            return {}

    async def heard() -> message.Rotated:
        answer: asyncio.Future[message.Rotated] = asyncio.get_running_loop().create_future()
        desk = KeyDesk(cast(Any, Registry()), Observed())

        class Link:
            kid = "k"

            def send(self, outgoing: message.Rotated) -> None:
                answer.set_result(outgoing)

        link = cast(Any, Link())
        desk.heard("c1", link, message.Rotate(failed="the Secret cannot be written"))
        await asyncio.sleep(0)
        key = PrivateKey.generate()
        token = key.token("c1", ROTATE, time.time())
        desk.heard("c1", link, message.Rotate(public_key=key.public, token=token, proof=token))
        async with asyncio.timeout(5):
            return await answer

    assert "does not have" in asyncio.run(heard()).refusal


def test_how_a_write_by_the_former_key_was_answered_says_nothing_of_the_new_one() -> None:
    async def written() -> MetricsOut:
        out, hub = MetricsOut(Clock()), Origin("hub.example", 443)
        former = Member("c1", "https://hub.example", None, PrivateKey.generate())
        out.use(former, hub)

        class Client:
            async def send(self, *_: object) -> Answer:
                out.use(replace(former, key=PrivateKey.generate()), hub)
                return Answer(401, {SERVER: "r1"}, b"")

        out._client = cast(Any, Client())
        body = SimpleNamespace(length=1, chunks=lambda: None)
        request = SimpleNamespace(body=body, head=SimpleNamespace(headers={}))
        with pytest.raises(Problem, match="the hub answered 401"):
            await out.write(cast(Any, request))
        return out

    out = asyncio.run(written())
    assert (out.last, out.requests[401]) == (None, 1)


@pytest.mark.parametrize(("headers", "used"), [({SERVER: "r1"}, 1), ({}, 0)])
def test_another_key_is_tried_when_the_relay_server_knows_it_not_and_no_edge(
    headers: dict[str, str], used: int
) -> None:
    adopted: list[Member] = []
    member = Member("c1", "https://hub.example", None, PrivateKey.generate())
    rotation = Rotation(cast(Any, None), Clock(), 30.0, adopted.append)
    rotation._using = member.key
    kept = keyring.Kept(member.key, member, "", successor=PrivateKey.generate())
    refusal = DialRefused(AnswerHead(401, headers))
    pool = SimpleNamespace(links=(), refusal=refusal, hurry=lambda: None)
    rotation._follow(kept, member, cast(Any, pool))
    assert [each.key for each in adopted] == [kept.successor][:used]
