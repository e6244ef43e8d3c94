"""Everything we write to Jobs, thinly; the only place that knows about a dry run."""

import json
import logging
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from controllers.workload import seen
from controllers.workload.kube import MERGE_PATCH, KubeApi, KubeError

log = logging.getLogger(__name__)
JOBS = "/apis/batch/v1/jobs"


class NotLeading(KubeError):
    """Nothing was written: another manager leads by now."""

    def __init__(self) -> None:
        super().__init__(0, "this workload-manager no longer leads")


class Jobs:
    """Creates, releases and deletes Jobs; each answer goes into the cache at once.

    ``learn`` takes the raw object, so that the next decision sees what this one did. ``leads`` is
    asked before each write: a process may have stood still since it decided.
    """

    def __init__(
        self,
        api: KubeApi,
        learn: Callable[[bytes], None],
        leads: Callable[[], bool],
        dry_run: bool,
    ) -> None:
        self._api = api
        self._learn = learn
        self._leads = leads
        self._dry_run = dry_run

    def create(self, manifest: Mapping[str, Any]) -> None:
        """Create a Job; raises KubeError 409 when one of its name is there."""
        where, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        if not self._say("create", where, name):
            self._learn(self._api.send("POST", _path(where), manifest))

    def marks(self, namespace: str, name: str) -> dict[str, str]:
        """The neurox.io labels of the Job of that name, as the API server has it."""
        raw = self._api.get(_path(namespace, name))
        self._learn(raw)
        labels = json.loads(raw)["metadata"].get("labels", {})
        return {key.removeprefix(seen.OURS): value for key, value in labels.items()}

    def release(self, job: seen.Job, placement: Mapping[str, int]) -> None:
        """Let its pods run, on these nodes only: one patch, harmless when repeated.

        The uid refuses a Job of the same name that came after the one decided about, the version
        one that anybody has changed since.
        """
        if self._say("release", job.namespace, job.name):
            return
        patch = {
            "metadata": {
                "uid": job.uid,
                "resourceVersion": job.version,
                "annotations": {
                    f"{seen.OURS}placement": json.dumps(dict(sorted(placement.items())))
                },
            },
            "spec": {
                "suspend": False,
                "template": {"spec": {"affinity": {"nodeAffinity": _affinity(job, placement)}}},
            },
        }
        self._learn(self._api.send("PATCH", _path(job.namespace, job.name), patch, MERGE_PATCH))

    def delete(self, job: seen.Job) -> None:
        """Delete a Job after its pods: it stays visible as Stopping until they are gone."""
        if self._say("delete", job.namespace, job.name):
            return
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Foreground",
            "preconditions": {"uid": job.uid},
        }
        self._learn(self._api.send("DELETE", _path(job.namespace, job.name), options))

    def _say(self, verb: str, namespace: str, name: str) -> bool:
        """Log the write; True when it must not follow. NotLeading."""
        if not self._leads():
            raise NotLeading
        dry = " (dry run)" if self._dry_run else ""
        log.info("%s job %s/%s%s", verb, namespace, name, dry)
        return self._dry_run


def _affinity(job: seen.Job, placement: Mapping[str, int]) -> dict[str, Any]:
    """The Job's own terms, each narrowed to one chosen node: the last of its fields."""
    terms = [
        {
            **term,
            "matchFields": [
                *term.get("matchFields", ()),
                {"key": "metadata.name", "operator": "In", "values": [node]},
            ],
        }
        for term in (_own_terms(job) or [{}])
        for node in sorted(placement)
    ]
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}


def _own_terms(job: seen.Job) -> list[dict[str, Any]]:
    """The terms as they were before an earlier release narrowed them: somebody held it again."""
    if not job.placement:
        return list(job.terms)
    own: list[dict[str, Any]] = []
    for term in job.terms:
        fields = term.get("matchFields", ())[:-1]
        rest = {key: value for key, value in term.items() if key != "matchFields"}
        former = {**rest, "matchFields": fields} if fields else rest
        if former not in own:
            own.append(former)
    return own


def _path(namespace: str, name: str = "") -> str:
    path = f"/apis/batch/v1/namespaces/{urllib.parse.quote(namespace, safe='')}/jobs"
    return f"{path}/{urllib.parse.quote(name, safe='')}" if name else path
