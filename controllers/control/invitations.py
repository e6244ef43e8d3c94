"""Clusters invited by whoever installs Neurox: one file each, out of a mounted Secret.

A file is named as the cluster and holds ``ID:SHA256``: the id of a join token, and the hash of its
secret. The token itself is known only where it was made and in the cluster that is to join.
"""

import contextlib
import logging
import re
import time
import uuid
from pathlib import Path

from redis import Redis

from controllers.domain.cluster import Cluster
from controllers.domain.errors import Conflict, Refused
from controllers.domain.names import require_label
from controllers.relay import join
from controllers.store.clusters import Clusters

log = logging.getLogger(__name__)
DESCRIPTION = "Invited by the installation"
_INVITATION = re.compile(r"([0-9a-f]{16}):([0-9a-f]{64})")


class Invitations:
    """The loop; a file that cannot be used is named once, and again when it changes."""

    def __init__(self, redis: Redis, clusters: Clusters, folder: Path | None) -> None:
        self._redis = redis
        self._clusters = clusters
        self._folder = folder
        self._done: set[tuple[str, str]] = set()

    def step(self) -> None:
        """Make a record and know a token for each file that is new."""
        for file in sorted(self._folder.iterdir()) if self._folder else ():
            if file.name.startswith(".") or not file.is_file():
                continue  # how the kubelet replaces the files of a Secret at once
            text = file.read_text(errors="replace").strip()
            if (file.name, text) not in self._done:
                self._take(file.name, text)
                self._done.add((file.name, text))

    def _take(self, name: str, text: str) -> None:
        match = _INVITATION.fullmatch(text)
        if match is None:
            log.error("invitation %r is not ID:SHA256, 16 and 64 hex digits; left out", name[:80])
            return
        if join.known(self._redis, match[1]):
            return  # whoever removed the cluster since then is not undone
        try:
            cluster = self._record(require_label("name", name))
        except Refused as refusal:
            log.error("invitation %r: %s; left out", name[:80], refusal)
            return
        join.accept(self._redis, cluster.id, match[1], match[2])
        log.info("cluster %s may join by its invitation", name)

    def _record(self, name: str) -> Cluster:
        with contextlib.suppress(Conflict):  # a record that is there gets one more way to join
            self._clusters.add(Cluster(str(uuid.uuid4()), name, time.time(), DESCRIPTION))
        return self._clusters.by_name(name)
