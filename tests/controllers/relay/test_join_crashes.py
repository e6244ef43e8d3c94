"""A join that breaks off anywhere ends joined or is refused cleanly, and the next try joins."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from controllers.relay.call import CallFailed
from controllers.relay.client.joiner import Joiner
from controllers.relay.client.keyring import Member
from controllers.relay.client.kubernetes import Access, Kubernetes
from controllers.relay.identity import PrivateKey, key_id
from controllers.relay.kubeconfig import parse_kubeconfig
from controllers.store import keys
from tests.controllers.relay.fault_proxy import Direction, FaultProxy
from tests.controllers.relay.raw import redeem


@pytest.fixture
def proxy(hub: Any) -> Iterator[FaultProxy]:
    made = FaultProxy(hub.url, hub.pki)
    yield made
    made.close()


def invite(hub: Any, site: Any, proxy: FaultProxy) -> None:
    """A new record and token, and a cluster that has forgotten whatever it was."""
    site.cluster_id = hub.record("cut")
    site.kubernetes.state["secret"] = {"metadata": {"resourceVersion": "1"}}
    text = hub.kubeconfig(site.cluster_id).replace(hub.url, proxy.url)
    site.join_file.write_text(text)


async def attempt(site: Any) -> Member | CallFailed:
    """One try of a client that has just started; anything but these two fails the test."""
    kubernetes = Kubernetes(Access.of(site.folder / "kubeconfig"), "neurox-system")
    try:
        return await Joiner(kubernetes, site.join_file, "t").member()
    except CallFailed as failure:
        return failure
    finally:
        kubernetes.close()


def keys_at_hub(hub: Any, cluster_id: str) -> dict[str, str]:
    rows = hub.redis.hgetall(keys.relay_identity(cluster_id))
    named = {name.decode(): value.decode() for name, value in rows.items()}
    return {name[4:]: value for name, value in named.items() if name.startswith("key:")}


def must_be_joined(hub: Any, site: Any, key: PrivateKey) -> None:
    """With that key and no other; and the token is good for nobody else."""
    assert site.kept()["cluster-id"] == site.cluster_id
    assert PrivateKey.from_pem(site.kept()["key"]).public == key.public
    assert keys_at_hub(hub, site.cluster_id) == {key_id(key.public): key.public}
    token = parse_kubeconfig(site.join_file.read_text()).token
    status, words = redeem(hub, token, PrivateKey.generate(), site.kubernetes.state["uid"])
    assert (status, "used already, with another key" in words) == (409, True)


def around(first: int, end: int) -> set[int]:
    """Numbers of bytes of one part, its bounds and some of its middle."""
    return {first, first + 1, *range(first, end, 7), end - 1, end}


def points(way: Direction) -> list[int]:
    """Where to cut: in, at both ends of, and just beside head and body."""
    return sorted(around(0, way.head) | around(way.head, len(way.passed)))


def test_a_connection_may_be_cut_after_any_byte(
    hub: Any, new_site: Callable[[], Any], proxy: FaultProxy
) -> None:
    site = new_site()
    invite(hub, site, proxy)
    assert isinstance(asyncio.run(attempt(site)), Member)
    cuts = [("request", n) for n in points(proxy.request)]
    cuts += [("answer", n) for n in points(proxy.answer)]
    whole = len(proxy.answer.passed)
    assert len(cuts) > 40
    joined = 0
    for way, number in cuts:
        invite(hub, site, proxy)
        proxy.heal()
        setattr(proxy, way, Direction(cut_after=number))
        first = asyncio.run(attempt(site))
        assert isinstance(first, Member) == ((way, number) == ("answer", whole)), (way, number)
        joined += isinstance(first, Member)
        key = PrivateKey.from_pem(site.kept()["key"])
        proxy.heal()
        second = asyncio.run(attempt(site))
        assert isinstance(second, Member), (way, number, second)
        must_be_joined(hub, site, key)
    assert joined == 1


class Killing:
    """Stops the API server of the cluster at one moment, until the client is killed."""

    def __init__(self, method: str, number: int, moment: str) -> None:
        self._at, self._number, self._seen = (method, moment), number, 0
        self.reached, self.killed = threading.Event(), threading.Event()

    def __call__(self, method: str, moment: str) -> None:
        if (method, moment) != self._at:
            return
        self._seen += 1
        if self._seen == self._number:
            self.reached.set()
            self.killed.wait(20)
            raise ConnectionError("the client is gone")


STEPS = {
    "before the key is saved": ("PATCH", 1, "before"),
    "once the key is saved": ("PATCH", 1, "after"),
    "before it knows its uid": ("GET", 2, "before"),
    "before the hub's key is saved": ("PATCH", 2, "before"),
    "once the hub's key is saved": ("PATCH", 2, "after"),
    "before the membership is saved": ("PATCH", 3, "before"),
    "once the membership is saved": ("PATCH", 3, "after"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_client_may_be_killed_at_any_step(
    hub: Any, new_site: Callable[[], Any], eventually: Callable[..., None], step: str
) -> None:
    site = new_site()
    site.join_file.write_text(hub.kubeconfig(site.cluster_id))
    site.kubernetes.state["pause"] = killing = Killing(*STEPS[step])
    site.start()
    eventually("the step is reached", killing.reached.is_set)
    site.program.process.kill()
    site.program.process.wait(30)
    killing.killed.set()
    saved = site.kept().get("key")
    del site.kubernetes.state["pause"]
    site.start()
    eventually("it has joined", site.is_connected)
    assert saved in (None, site.kept()["key"])
    must_be_joined(hub, site, PrivateKey.from_pem(site.kept()["key"]))


@pytest.mark.parametrize("way", ["request", "answer"])
def test_a_client_may_be_killed_while_it_waits_for_the_hub(
    hub: Any,
    new_site: Callable[[], Any],
    eventually: Callable[..., None],
    proxy: FaultProxy,
    way: str,
) -> None:
    site = new_site()
    invite(hub, site, proxy)
    held = Direction(hold=threading.Event())
    setattr(proxy, way, held)
    site.start()
    eventually("the exchange is under way", held.held.is_set)
    site.program.process.kill()
    site.program.process.wait(30)
    assert held.hold is not None
    held.hold.set()
    key = PrivateKey.from_pem(site.kept()["key"])
    assert "cluster-id" not in site.kept()
    proxy.heal()
    site.start()
    eventually("it has joined", site.is_connected)
    must_be_joined(hub, site, key)
