"""The policy, kept in a ConfigMap so that the cluster decides alone when the link is cut."""

import logging
from threading import Lock

import msgspec

from controllers.domain.errors import Refused
from controllers.domain.policy import Policy
from controllers.workload import rules
from controllers.workload.kube import MERGE_PATCH, KubeApi, KubeError

log = logging.getLogger(__name__)
NAME = "neurox-policy"
KEY = "policy.json"
NONE = Policy(revision="")


class _ConfigMap(msgspec.Struct):
    data: dict[str, str] = {}


class PolicyFile:
    """The ConfigMap ``neurox-policy``; ``current`` is what is in force."""

    def __init__(self, api: KubeApi, namespace: str, dry_run: bool = False) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/configmaps/{NAME}"
        self._dry_run = dry_run
        self.current = NONE
        self._storing = Lock()
        """Of two policies that come at once, the last one stored is the one in force."""

    def load(self) -> None:
        """Take what is stored; a missing or broken document is no policy, not the end."""
        try:
            stored = msgspec.json.decode(self._api.get(self._path), type=_ConfigMap)
            policy = msgspec.json.decode(stored.data[KEY], type=Policy)
            rules.check_policy(policy)
            self.current = policy
        except KeyError:
            log.info("no policy is stored yet; the control plane will send one")
        except (msgspec.MsgspecError, RecursionError, Refused) as error:
            log.warning("the stored policy cannot be read and is left aside: %s", error)
        except KubeError as error:
            if error.status != 404:
                raise
            log.warning("ConfigMap %s is missing: policies cannot be stored", NAME)

    def store(self, policy: Policy) -> bool:
        """Store a policy, then act on it; False when this one is already in force. Refused."""
        with self._storing:
            return self._store(policy)

    def _store(self, policy: Policy) -> bool:
        if policy == self.current:
            return False
        rules.check_policy(policy)
        if not self._dry_run:
            text = msgspec.json.encode(policy).decode()
            self._api.send("PATCH", self._path, {"data": {KEY: text}}, MERGE_PATCH)
        self.current = policy
        return True
