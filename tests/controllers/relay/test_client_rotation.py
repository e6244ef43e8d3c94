"""The relay-client and its next key: whatever happens in between, one that works is left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from controllers.relay import credential, join
from controllers.relay.identity import PrivateKey
from controllers.store import keys
from tests.conftest import free_port

DIALLED = "neurox_relay_client_connections_dialled_total "


def known(site: Any) -> credential.Credential:
    return credential.read(site.hub.redis, [site.cluster_id])[0]


def kid(site: Any) -> str:
    """Of the key that the Secret holds."""
    return PrivateKey.from_pem(site.kept()["key"]).kid


def settled(site: Any, former: str) -> bool:
    """Whether hub and Secret know one key, another than ``former``, and nothing is pending."""
    current = known(site).current
    return (
        current is not None
        and current.kid == kid(site) != former
        and not site.kept().get("next-key")
    )


def crashed(site: Any, step: str, when: str) -> None:
    """Have the key rotated, and the client killed before or after it keeps ``step``."""

    def pause(method: str, moment: str) -> None:
        if method == "PATCH" and moment == when and step in site.kubernetes.state["patch"]:
            site.program.process.kill()

    site.kubernetes.state["pause"] = pause
    join.ask_rotation(site.hub.redis, site.cluster_id)
    assert site.program.process.wait(30) == -9
    del site.kubernetes.state["pause"]


def dialled(port: int) -> float:
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
    (line,) = (row for row in text.splitlines() if row.startswith(DIALLED))
    return float(line.split()[1])


@contextmanager
def second(site: Any, eventually: Callable[..., None], **more: str) -> Iterator[int]:
    """Another replica of the site's client, connected; yields its port."""
    port = free_port()
    program = site.client("second.log", port, **more)

    def ready() -> bool:
        assert program.process.poll() is None, program.words()
        try:
            return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok
        except requests.ConnectionError:
            return False

    try:
        eventually("the second replica is connected", ready)
        yield port
    finally:
        program.stop()


def test_an_admins_wish_brings_a_new_key_and_costs_no_link(
    site: Any, eventually: Callable[..., None]
) -> None:
    eventually("the pool is full", lambda: dialled(site.metrics) >= 8)
    former, links = kid(site), dialled(site.metrics)
    assert join.ask_rotation(site.hub.redis, site.cluster_id)
    eventually("the key is another", lambda: settled(site, former))
    assert site.is_connected()
    assert dialled(site.metrics) == links
    found = known(site)
    assert found.asked_at is None
    assert found.former is not None
    assert found.former.kid == former
    eventually("it is known when the next is due", lambda: known(site).rotates_at is not None)
    assert found.current is not None
    days = ((known(site).rotates_at or 0) - (found.current.made_at or 0)) / 86400
    assert 26.9 < days < 33.1


def test_a_key_whose_time_has_come_is_replaced_without_being_asked(
    new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    site = new_site()
    site.join(NEUROX_RELAY_ROTATE_DAYS="0.00005")
    former = kid(site)
    eventually("the key is another", lambda: kid(site) != former)
    assert site.is_connected()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["next-key", "key"])
def test_a_crash_at_any_step_leaves_a_key_that_works(
    site: Any, eventually: Callable[..., None], when: str, step: str
) -> None:
    former = kid(site)

    crashed(site, step, when)
    site.start()
    eventually("the cluster is back", site.is_connected)
    eventually("the key is another", lambda: settled(site, former))
    assert len(known(site).keys) == 2


def test_a_crash_that_lasts_longer_than_the_old_key_is_survived(
    site: Any, eventually: Callable[..., None]
) -> None:
    former = kid(site)

    crashed(site, "key", "before")
    site.hub.redis.hset(keys.relay_identity(site.cluster_id), f"until:{former}", 1)
    site.start()
    eventually("the cluster is back", site.is_connected)
    eventually("the key is another", lambda: settled(site, former))


def test_a_replica_that_did_not_rotate_adopts_the_new_key(
    site: Any, eventually: Callable[..., None]
) -> None:
    former = kid(site)
    with second(site, eventually) as port:
        eventually("the pools are full", lambda: dialled(port) + dialled(site.metrics) >= 16)
        links = dialled(port) + dialled(site.metrics)
        join.ask_rotation(site.hub.redis, site.cluster_id)
        eventually("the key is another", lambda: settled(site, former))
        assert dialled(port) + dialled(site.metrics) == links
        site.hub.redis.hset(keys.relay_identity(site.cluster_id), f"until:{former}", 1)

        def both() -> bool:
            ready = [
                requests.get(f"http://127.0.0.1:{each}/readyz", timeout=5).ok
                for each in (port, site.metrics)
            ]
            return all(ready) and dialled(port) + dialled(site.metrics) >= links + 8

        eventually("both are connected by the new key", both)
        assert len(known(site).keys) == 1


def test_replicas_whose_time_comes_at_once_agree_on_one_key(
    new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    site = new_site()
    soon = {"NEUROX_RELAY_ROTATE_DAYS": "0.0001"}
    site.join(**soon)
    with second(site, eventually, **soon) as port:
        count = len(known(site).keys)
        eventually("two more keys", lambda: len(known(site).keys) >= count + 2)
        assert requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok
    site.program.stop()
    site.start()
    eventually("the cluster is back", site.is_connected)
    eventually("hub and Secret agree", lambda: settled(site, ""))


def test_a_key_that_cannot_be_kept_is_not_used_and_the_hub_is_told_why(
    site: Any, eventually: Callable[..., None]
) -> None:
    former = kid(site)
    site.kubernetes.state["refuse"] = 403
    join.ask_rotation(site.hub.redis, site.cluster_id)

    def told() -> bool:
        outcome = known(site).rotation
        return outcome is not None and "answered 403" in outcome.words

    eventually("the hub knows", told)
    assert kid(site) == former
    assert len(known(site).keys) == 1
    del site.kubernetes.state["refuse"]
    eventually("the wish is fulfilled later", lambda: settled(site, former))


def test_a_replica_goes_on_as_the_cluster_that_another_one_has_joined_as(
    site: Any, eventually: Callable[..., None]
) -> None:
    late = site.folder / "late.kubeconfig"  # where the kubelet brings the new Secret later
    late.write_text(site.join_file.read_text())
    former, site.cluster_id = site.cluster_id, site.hub.record("next")

    def links(cluster_id: str) -> float:
        text = requests.get(site.hub.internal_url + "/metrics", timeout=5).text
        start = f'neurox_relay_server_connections{{cluster="{cluster_id}"'
        rows = [row for row in text.splitlines() if row.startswith(start)]
        return sum(float(row.rpartition(" ")[2]) for row in rows)

    with second(site, eventually, NEUROX_RELAY_JOIN_FILE=str(late)):
        site.join_file.write_text(site.hub.kubeconfig(site.cluster_id))
        eventually("one has joined", lambda: site.kept()["cluster-id"] == site.cluster_id)
        assert join.ask_rotation(site.hub.redis, former)  # so that the other one looks now
        eventually("nobody is left as the former cluster", lambda: not links(former))
        eventually("both pools are there", lambda: links(site.cluster_id) >= 2 * 8)
        assert site.kept("hub_keys")["cluster-id"] == site.cluster_id
