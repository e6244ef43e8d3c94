"""Which of several managers acts: the one whose name stands in a Lease, and only while it renews.

A Lease does not fence: what a leader has sent may still arrive late. So every write also names the
version of the object that was decided about, or makes an object whose name the intent decides.
"""

import json
import logging
import secrets
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread
from typing import Any

from controllers.loop import Shutdown, run_every
from controllers.workload.kube import KubeApi, KubeError

log = logging.getLogger(__name__)
NAME = "neurox-workload-manager"
LEASE_SECONDS = 15
"""A holder that is silent for so long may be succeeded."""
ACT_SECONDS = 10.0
"""A leader that could not renew for so long stops acting, well before another may begin."""
RENEW_SECONDS = 3.0
CALL_SECONDS = 3.0
"""Time limit of each call about the Lease."""


class Lease:
    """This manager's claim to lead.

    Clocks of two machines differ, so the times in the Lease are for people alone. What counts is
    measured by the own clock: since when the Lease has not changed, and since when it is renewed.
    """

    def __init__(
        self, api: KubeApi, namespace: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.identity = f"{socket.gethostname()}_{secrets.token_hex(4)}"
        self.term = 0
        """Of the last time that it held the Lease: differs whenever another one led before."""
        self.holder = ""
        """Who led when it was last looked at; empty: nobody."""
        self._api = api
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{NAME}"
        self._monotonic = monotonic
        self._until = 0.0
        self._record: dict[str, Any] = {}
        """The Lease as last read or written; empty: it must be read again."""
        self._seen: dict[str, Any] = {}
        self._seen_at = 0.0

    @property
    def held(self) -> bool:
        """Whether this manager may act now."""
        return self._monotonic() < self._until

    def renew(self) -> None:
        """Renew it, or take it if that may be; KubeError, 409 when another manager was quicker."""
        asked = self._monotonic()
        if not self.held or not self._record:
            self._record = json.loads(self._api.get(self._path))
            self._observe(self._record.get("spec") or {})
        if not self._may_take():
            self._until = 0.0
            return
        self._write(self._claim())
        self.term = self._seen.get("leaseTransitions") or 1
        # Counted from before the call: whoever sees this renewal sees it later than that.
        self._until = asked + ACT_SECONDS

    def release(self) -> None:
        """Let another lead at once; KubeError when it has to wait for the end instead."""
        held, self._until = self.held, 0.0
        if held and self._record:
            self._write({**self._record["spec"], "holderIdentity": "", "leaseDurationSeconds": 1})

    def _observe(self, spec: dict[str, Any]) -> None:
        self.holder = spec.get("holderIdentity") or ""
        if spec != self._seen:
            self._seen, self._seen_at = spec, self._monotonic()

    def _may_take(self) -> bool:
        if self.holder in ("", self.identity):
            return True
        lasts = self._seen.get("leaseDurationSeconds") or LEASE_SECONDS
        return self._monotonic() - self._seen_at > lasts

    def _claim(self) -> dict[str, Any]:
        spec = self._record.get("spec") or {}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        claim = {**spec, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}
        if self.holder != self.identity:
            claim |= {"holderIdentity": self.identity, "acquireTime": now}
            claim["leaseTransitions"] = (spec.get("leaseTransitions") or 0) + 1
        return claim

    def _write(self, spec: dict[str, Any]) -> None:
        """Replace the Lease as it was read; the API server refuses when it has changed since."""
        body, self._record = {**self._record, "spec": spec}, {}
        self._record = json.loads(self._api.send("PUT", self._path, body))
        self._observe(self._record["spec"])


class Candidate:
    """Stands for election in a thread of its own; ``changed`` is called when the outcome does."""

    def __init__(self, lease: Lease, changed: Callable[[], None]) -> None:
        self._lease = lease
        self._changed = changed
        self._failing = False
        self._shutdown = Shutdown()
        self._thread = Thread(
            target=run_every, args=(RENEW_SECONDS, self._step, self._shutdown), daemon=True
        )

    @property
    def term(self) -> int:
        """Differs each time that this manager was elected anew; 0 while it is not."""
        return self._lease.term if self._lease.held else 0

    @property
    def holder(self) -> str:
        """Who led when it was last looked at; empty: nobody."""
        return self._lease.holder

    def run(self) -> None:
        """Begin."""
        self._thread.start()

    def run_once(self) -> bool:
        """One try; whether it is elected. KubeError."""
        self._lease.renew()
        return self._lease.held

    def resign(self) -> None:
        """Stop, and let another lead at once if that can still be told."""
        self._shutdown.request()
        if self._thread.is_alive():
            self._thread.join(3 * CALL_SECONDS)
        try:
            self._lease.release()
        except KubeError as error:
            log.warning("the lead is not given up, it ends by itself: %s", error)

    def _step(self) -> None:
        before = self.term
        try:
            self._lease.renew()
        except KubeError as error:
            if error.status != 409 and not self._failing:
                log.warning("cannot ask for the lead: %s", _advice(error))
            self._failing = error.status != 409
        else:
            self._failing = False
        if self.term != before:
            self._changed()


def _advice(error: KubeError) -> str:
    if error.status == 404:
        return f"the Lease {NAME} is missing; apply the objects of the chart again"
    return str(error)
