"""Everything the API reads and writes, in one hand."""

from typing import cast

from flask import current_app
from redis import Redis

from controllers.domain.policy import Group, NodePool, Project, Quota
from controllers.store import keys
from controllers.store.audit import Audit
from controllers.store.clusters import Clusters
from controllers.store.documents import Documents
from controllers.store.gpus import Gpus
from controllers.store.idempotency import Idempotency
from controllers.store.intents import Intents
from controllers.store.join_tokens import JoinTokens
from controllers.store.links import Links
from controllers.store.shared_key import SharedKey
from controllers.store.states import States
from controllers.store.tokens import ApiTokens
from controllers.store.users import Users


class Stores:
    """One object a store, on one Redis client."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.clusters = Clusters(redis)
        self.states = States(redis)
        self.links = Links(redis)
        self.join_tokens = JoinTokens(redis)
        self.audit = Audit(redis)
        self.samples = Gpus(redis)
        self.intents = Intents(redis)
        self.pools = Documents(redis, keys.POOLS, NodePool)
        self.groups = Documents(redis, keys.GROUPS, Group)
        self.projects = Documents(redis, keys.PROJECTS, Project)
        self.quotas = Documents(redis, keys.QUOTAS, Quota)
        self.users = Users(redis)
        self.tokens = ApiTokens(redis)
        self.idempotency = Idempotency(redis)
        self.shared_key = SharedKey(redis)


def stores() -> Stores:
    """The stores of the app that answers this request."""
    return cast(Stores, current_app.extensions["neurox.stores"])
