"""Which keys of the control plane this cluster trusts: kept in a Secret of their own.

The workload-manager reads it, and must not read the one in which the cluster's own key lies.
"""

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from controllers.relay.client.keeping import keep
from controllers.relay.client.keyring import Keyring
from controllers.relay.client.kubernetes import Kubernetes, KubernetesError
from controllers.relay.hub_key import (
    SECRET,
    HubKey,
    NotTrusted,
    Trusted,
    adopted,
    checked,
    followed,
)
from controllers.relay.identity import IdentityError

log = logging.getLogger(__name__)


class Trust:
    """Begins with what joining brings; from then on a key is taken from its predecessor alone."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes
        self._offered: tuple[HubKey, ...] = ()
        self._news = asyncio.Event()
        self.refusal = ""
        """Why the keys that the hub shows are not taken; empty: they are."""

    async def begin(self, cluster_id: str, offered: Sequence[HubKey]) -> None:
        """Trust what this join has brought, and forget what was before."""
        self._offered = ()  # the former hub's last word, if it came too late to be looked at
        self._news.clear()
        secret = await self._kubernetes.secret(SECRET)
        await self._save(cluster_id, adopted(offered), secret.version)
        self.refusal = ""

    def offer(self, keys: Sequence[HubKey]) -> None:
        """What the hub shows over a link."""
        if keys:
            self._offered = tuple(keys)
            self._news.set()

    async def run(self, cluster_id: str) -> None:
        """Look at what is offered, for ever; cancel it to stop."""
        await keep(self._news, partial(self._follow, cluster_id), "the hub's key")

    async def _follow(self, cluster_id: str) -> None:
        offered = self._offered
        secret = await self._kubernetes.secret(SECRET)
        if secret.data.get("cluster-id", cluster_id) != cluster_id:
            kept = await Keyring(self._kubernetes).load()
            if kept.member is not None and kept.member.cluster_id != cluster_id:
                return  # another replica has joined as that, which we are to go on as, too
        known = _known(secret.data, cluster_id)
        now = time.time()
        try:
            checked(offered)
            trusted = followed(known, offered, now) if known else adopted(offered)
        except (NotTrusted, IdentityError) as failure:
            self.refusal = str(failure)
            log.error(
                "%s: nothing that is signed by it is done here; if the control plane lost its key, "
                "let this cluster join again",
                failure,
            )
            return
        self.refusal = ""
        if trusted != known:
            await self._save(cluster_id, trusted, secret.version)

    async def _save(self, cluster_id: str, trusted: Sequence[Trusted], version: str) -> None:
        keys = json.dumps(msgspec.to_builtins(trusted))
        data = {"cluster-id": cluster_id, "keys": keys}
        await self._kubernetes.patch_secret(SECRET, data, version)
        log.info("the hub's key is %s", trusted[-1].public if trusted else "not known yet")


def _known(data: Mapping[str, str], cluster_id: str) -> tuple[Trusted, ...]:
    """What is trusted of this cluster's hub; that of another record is of no use."""
    if data.get("cluster-id") != cluster_id:
        return ()
    try:
        return msgspec.json.decode(data.get("keys") or "[]", type=tuple[Trusted, ...])
    except msgspec.MsgspecError:
        raise KubernetesError(f"Secret {SECRET} cannot be read; delete its data") from None
