"""The groups, users, projects, pools and quotas of the demo, made by the public API."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from portal.cli.demo_jobs import PERSONAS, Persona
from portal.client import ApiError, Client
from portal.schemas import GroupIn, NodeOut, PoolIn, ProjectIn, UserIn

MADE = "Made by neurox demo; simulated."
PRODUCT, SIMULATED = "nvidia.com/gpu.product", "neurox.io/simulated"
TOKEN_NAME = "demo"  # noqa: S105 - what the token is called
PATIENCE_SECONDS = 60.0
"""How long a new cluster gets to report."""

Say = Callable[[str], None]


class NotYet(Exception):
    """Something that the demo waits for is not there yet."""


@dataclass(frozen=True)
class Room:
    """A pool that the demo may use. GPUs; ``widest`` is those of its largest node."""

    pool: str
    gpus: int
    widest: int


def rooms(nodes: Iterable[NodeOut]) -> list[Room]:
    """Pools all of whose nodes are simulated: the demo never takes a real GPU."""
    found = list(nodes)
    real = {node.pool for node in found if not node.simulated}
    gpus, widest = Counter[str](), Counter[str]()
    for node in found:
        if node.pool is not None and node.pool not in real and node.state == "ready":
            gpus[node.pool] += node.gpus
            widest[node.pool] = max(widest[node.pool], node.gpus)
    return [Room(pool, gpus[pool], widest[pool]) for pool in sorted(gpus) if gpus[pool]]


def pools_for(nodes: Iterable[NodeOut], taken: Iterable[str]) -> dict[str, PoolIn]:
    """A pool for each model among the simulated nodes that no pool holds."""
    names, found = set(taken), dict[str, PoolIn]()
    for model in sorted({n.model or "" for n in nodes if n.simulated and n.pool is None}):
        selector = {SIMULATED: "true"} | ({PRODUCT: model} if model else {})
        name = _free_name(short(model), names)
        names.add(name)
        found[name] = PoolIn(selector=selector, description=MADE)
    return found


def short(model: str) -> str:
    """A name for the pool of a model: NVIDIA-H100-80GB-HBM3 becomes h100."""
    words = [w for w in re.split(r"[^a-z0-9]+", model.lower()) if w and w != "nvidia"]
    marked = [w for w in words if re.fullmatch(r"[a-z]+[0-9]+[a-z]*", w)]
    return (marked or words or ["gpus"])[0][:50]


def guarantees(gpus: int, personas: Iterable[Persona] = PERSONAS) -> dict[str, int]:
    """GPUs of a pool by group; together fewer than it has."""
    left, found = gpus, dict[str, int]()
    for persona in personas:
        found[persona.group] = min(left, round(persona.share * gpus))
        left -= found[persona.group]
    return found


def ensure(client: Client, say: Say, patient: bool = False) -> list[Room]:
    """Make what is missing, change nothing that people made; NotYet while the fleet comes up.

    ``patient`` waits for every node, so that guarantees are reckoned from the whole fleet.
    """
    nodes = list(client.nodes.all())
    if not any(node.simulated for node in nodes):
        raise NotYet("there is no simulated GPU node")
    if patient:
        _check_whole(client, nodes)
    known = {pool.name: pool for pool in client.pools.all()}
    for name, pool in pools_for(nodes, known).items():
        client.pools.put(name, pool)
        say(f"made pool {name}")
    if any(node.simulated and node.pool is None for node in nodes):
        raise NotYet("the nodes have yet to be put into their pools")
    found = rooms(nodes)
    if not found:
        raise NotYet("no simulated node is ready")
    _people(client, [room.pool for room in found], say)
    _quotas(client, found, say)
    return found


def tokens(client: Client, say: Say) -> dict[str, str]:
    """A token for each user of the demo, by group; one who is somebody's real user is left out."""
    found = {}
    for persona in PERSONAS:
        user = client.users.get(persona.user)
        if user.admin or user.groups != [persona.group]:
            say(f"user {persona.user} is not the demo's own; nothing is submitted as {user.name}")
            continue
        found[persona.group] = client.users.create_token(persona.user, TOKEN_NAME).token
    return found


def _check_whole(client: Client, nodes: list[NodeOut]) -> None:
    recent = datetime.now(UTC) - timedelta(seconds=PATIENCE_SECONDS)
    for cluster in client.clusters.all():
        if cluster.state == "waiting" and cluster.created_at > recent:
            raise NotYet(f"cluster {cluster.name} has yet to report")
    if any(node.simulated and node.state == "not ready" for node in nodes):
        raise NotYet("a simulated node has yet to become ready")


def _people(client: Client, pools: list[str], say: Say) -> None:
    for persona in PERSONAS:
        group = persona.group
        if _absent(client.groups.get, group):
            client.groups.put(group, GroupIn(description=MADE))
            say(f"made group {group}")
        if _absent(client.users.get, persona.user):
            client.users.put(persona.user, UserIn(groups=[group]))
            say(f"made user {persona.user} of group {group}")
        _project(client, group, pools, say)


def _project(client: Client, group: str, pools: list[str], say: Say) -> None:
    wanted = ProjectIn(
        groups=[group], pools=pools, namespace=group, level_limit="critical", description=MADE
    )
    if not _absent(client.projects.get, group):
        known = client.projects.get(group)
        if known.description != MADE or set(pools) <= set(known.pools):
            return
    client.projects.put(group, wanted)
    say(f"made project {group} with pools {', '.join(pools)}")


def _quotas(client: Client, found: list[Room], say: Say) -> None:
    guarded = {quota.pool for quota in client.quotas.all()}
    for room in found:
        if room.pool in guarded:
            continue
        for group, gpus in guarantees(room.gpus).items():
            client.quotas.put(room.pool, group, gpus)
            say(f"guaranteed {gpus} GPUs of {room.pool} to {group}")


def _absent(get: Callable[[str], BaseModel], name: str) -> bool:
    try:
        get(name)
    except ApiError as error:
        if error.status != 404:
            raise
        return True
    return False


def _free_name(name: str, taken: set[str]) -> str:
    return next(
        each for each in (name, *(f"{name}-{n}" for n in range(2, 1000))) if each not in taken
    )
