"""The hub's keys on their way: a real relay pair, and behind it the lock of a real manager."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from controllers.control.relayed import RelayedManager
from controllers.control.signer import HubKeyFile, Signer
from controllers.credentials import hub_key
from controllers.domain.cluster import StateDelta
from controllers.domain.errors import Unreachable
from controllers.environment import SettingsError
from controllers.relay.hub_key import HubKey, read_chain
from controllers.relay.identity import PrivateKey
from controllers.relay.server.hub_keys import HubKeys as Shown
from controllers.workload.hub_keys import HubKeys
from controllers.workload.kube import KubeApi
from controllers.workload.lock import Lock
from controllers.workload.routes import Answer
from controllers.workload.server import Health, Server
from tests.controllers.relay.stream import SERVICE_TOKEN

STATE = StateDelta("e", 1, True, observed_at=1.0, kubernetes_version="v", manager_version="m")


class Routes:
    """What lies behind the lock here."""

    def answer(self, *_: object) -> Answer:
        return Answer(200, msgspec.json.encode(STATE))


class Locked:
    """A cluster whose manager's server, lock and reading of keys are the real ones."""

    def __init__(self, hub: Any, site: Any) -> None:
        self.hub, self.site = hub, site
        api = KubeApi.connect(site.folder / "kubeconfig", 5.0)
        self.later = 0.0
        keys = HubKeys(api, "neurox-system", lambda: time.monotonic() + self.later)
        self.lock = Lock(keys.hub)
        self.lives: dict[str, str] = {}
        health = Health(lambda: "", lambda: True, lambda: b"")
        self.server = Server(("127.0.0.1", 0), Routes(), self.lock, health)  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self._thread.start()
        site.manager.address = f"127.0.0.1:{self.server.server_address[1]}"

    def ask(self, keys: Callable[[], tuple[PrivateKey, ...]] | None = None) -> StateDelta:
        """What the control-manager does all the time."""
        file = HubKeyFile(self.hub.hub_key / hub_key.SIGNING)
        manager = RelayedManager(
            self.hub.internal_url,
            SERVICE_TOKEN,
            self.site.cluster_id,
            keys or file.keys,
            self.lives,
        )
        try:
            return manager.state("", 0, 0)
        finally:
            manager.close()

    def answers(self, keys: Callable[[], tuple[PrivateKey, ...]] | None = None) -> bool:
        try:
            return self.ask(keys) == STATE
        except Unreachable:
            return False

    def trusted(self) -> list[dict[str, Any]]:
        kept: list[dict[str, Any]] = json.loads(self.site.kept("hub_keys").get("keys", "[]"))
        return kept

    def keep(self, data: dict[str, str]) -> None:
        """Write its Secret behind its back."""
        encoded = {name: base64.b64encode(v.encode()).decode() for name, v in data.items()}
        self.site.kubernetes.state["hub_keys"]["data"] = encoded

    def metric(self, name: str) -> float:
        text = requests.get(f"http://127.0.0.1:{self.site.metrics}/metrics", timeout=5).text
        return next(
            float(row.split()[1]) for row in text.splitlines() if row.startswith(name + " ")
        )

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)


@pytest.fixture
def locked(hub: Any, new_site: Callable[[], Any]) -> Iterator[Locked]:
    site = new_site()
    made = Locked(hub, site)
    site.join_file.write_text(hub.kubeconfig(site.cluster_id))
    yield made
    made.close()


def chain(hub: Any) -> tuple[HubKey, ...]:
    return read_chain((hub.hub_key / hub_key.CHAIN).read_bytes())


def newest(hub: Any) -> str:
    return chain(hub)[-1].public


def test_who_has_joined_does_what_the_hub_has_signed_and_nothing_else(
    locked: Locked, eventually: Callable[..., None]
) -> None:
    locked.site.start()
    eventually("it has joined and answers", locked.answers)
    assert locked.trusted()[-1] == {"public": newest(locked.hub)}
    assert locked.site.kept("hub_keys")["cluster-id"] == locked.site.cluster_id
    with pytest.raises(Unreachable, match=r"401: signed by a key .* does not know"):
        locked.ask(lambda: (PrivateKey.generate(),))
    with locked.hub.session(locked.site.cluster_id) as unsigned:
        assert unsigned.get("http://manager/v1/state", timeout=5).status_code == 401
    with requests.Session() as local:
        url = f"http://{locked.site.manager.address}/v1/state"
        assert local.get(url, timeout=5).status_code == 401
    assert dict(locked.lock.refused) == {"life": 1, "unknown_key": 1, "absent": 2}


def test_two_clusters_do_not_take_each_others_tokens(
    locked: Locked, new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    locked.site.start()
    eventually("it has joined and answers", locked.answers)
    seen: list[str] = []
    other = new_site()
    other.join()
    with locked.hub.session(locked.site.cluster_id) as session:
        file = HubKeyFile(locked.hub.hub_key / hub_key.SIGNING)

        def steal(request: requests.PreparedRequest) -> requests.PreparedRequest:
            signed = Signer(file.keys, other.cluster_id, {})(request)
            seen.append(signed.headers["Authorization"])
            return signed

        answer = session.get("http://manager/v1/state", timeout=5, auth=steal)
    assert answer.json()["detail"] == "the token is for another cluster"
    assert len(seen) == 1
    assert len(answer.history) == 1, "it was told the manager's life, and that was all"


def test_a_successor_reaches_a_cluster_over_its_links_while_both_keys_are_good(
    locked: Locked, eventually: Callable[..., None]
) -> None:
    locked.site.start()
    eventually("it has joined and answers", locked.answers)
    former = HubKeyFile(locked.hub.hub_key / hub_key.SIGNING).keys()
    hub_key.keep(locked.hub.hub_key, more=True)
    assert locked.ask() == STATE, "before the cluster knows of it, the former key does"
    eventually("it is told", lambda: locked.trusted()[-1]["public"] == newest(locked.hub))
    eventually("the new key is good", lambda: locked.answers(newest_only(locked)))
    assert locked.ask(lambda: former) == STATE
    assert locked.trusted()[-2]["until"] > time.time() + 23 * 3600
    assert locked.metric("neurox_relay_client_hub_key_refused") == 0


def newest_only(locked: Locked) -> Callable[[], tuple[PrivateKey, ...]]:
    """The newest key, and none to fall back on."""
    return lambda: HubKeyFile(locked.hub.hub_key / hub_key.SIGNING).keys()[:1]


def test_a_cluster_of_before_takes_the_key_that_its_hub_shows(
    locked: Locked, eventually: Callable[..., None]
) -> None:
    locked.site.start()
    eventually("it has joined and answers", locked.answers)
    locked.site.program.stop()
    locked.keep({})
    locked.site.start()
    eventually("it has a key again", locked.trusted)
    assert locked.trusted()[-1] == {"public": newest(locked.hub)}
    eventually("it answers", locked.answers)


def test_a_key_that_does_not_follow_is_refused_told_and_shown(
    locked: Locked, eventually: Callable[..., None]
) -> None:
    locked.site.start()
    eventually("it has joined and answers", locked.answers)
    locked.site.program.stop()
    other = [{"public": PrivateKey.generate().public}]
    locked.keep({"cluster-id": locked.site.cluster_id, "keys": json.dumps(other)})
    locked.site.start()
    words = "the hub shows keys that this cluster has never known: nothing that is signed by it"
    eventually("it is told", lambda: words in locked.site.program.words())
    assert locked.metric("neurox_relay_client_hub_key_refused") == 1
    assert locked.trusted() == other
    locked.later = 61.0
    with pytest.raises(Unreachable, match="let the cluster join again"):
        locked.ask()
    # The way out: a new token for the same record, which the owner of the cluster puts there.
    locked.site.join_file.write_text(locked.hub.kubeconfig(locked.site.cluster_id))
    eventually("it has joined again", locked.answers)
    assert locked.metric("neurox_relay_client_hub_key_refused") == 0


def test_a_relay_server_does_not_start_on_keys_that_it_cannot_read(
    hub: Any, tmp_path: Path
) -> None:
    for text in ("", "[{}]"):
        (tmp_path / "chain.json").write_text(text)
        with pytest.raises(SettingsError, match="hub's keys cannot be read"):
            Shown(tmp_path / "chain.json")
    (tmp_path / "chain.json").write_bytes((hub.hub_key / hub_key.CHAIN).read_bytes())
    shown = Shown(tmp_path / "chain.json")
    (tmp_path / "chain.json").write_text("half a")
    assert not shown.changed()
    assert shown.chain == chain(hub)
