"""Who tells whose the GPUs are, as the settings name them; each is followed in a thread."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.apiserver import ApiServer
from agent.attribution import Attribution
from agent.jobs import JobMap
from agent.kubelet import Kubelet
from agent.pods import NodePod, PodNames, live_pods
from agent.settings import Settings
from agent.sight import Sight, in_hosts_namespace
from agent.slices import Slices
from agent.watch import Watch

Follow = Callable[[threading.Event], None]
"""Runs until the event is set."""


@dataclass(frozen=True)
class Sources:
    """All of them; None: not named."""

    sight: Sight
    attribution: Attribution
    kubelet: Kubelet | None
    pods: Watch[NodePod] | None
    slices: Slices | None
    jobs: JobMap | None

    @classmethod
    def of(cls, settings: Settings) -> "Sources":
        """Nothing is asked yet."""
        pods = slices = None
        if settings.kube_api:
            api = ApiServer(settings.kube_api, settings.kube_token, settings.kube_ca)
            pods = Watch(api, live_pods(settings.node))
            slices = Slices(api, settings.node)
        jobs = JobMap(settings.job_map) if settings.job_map else None
        proc = None if settings.host_pid == "false" else settings.proc
        sight = Sight(proc, settings.host_pid == "true" or in_hosts_namespace())
        names = PodNames(settings.pod_logs, pods)
        return cls(
            sight=sight,
            attribution=Attribution(sight, names, slices, jobs),
            kubelet=Kubelet(settings.pod_resources) if settings.pod_resources else None,
            pods=pods,
            slices=slices,
            jobs=jobs,
        )

    def threads(self) -> Iterator[tuple[str, Follow]]:
        """What to run, each in a thread of its name."""
        named = {
            "kubelet": self.kubelet,
            "pods": self.pods,
            "slices": self.slices,
            "jobs": self.jobs,
        }
        for name, source in named.items():
            if source is not None:
                yield name, source.run
