"""The demo's groups, users, projects, pools and quotas, made by the public API, and what is there.

The demo uses only pools that take simulated nodes alone, so it can never hold a real GPU.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel

from portal.cli.demo_jobs import PERSONAS, Persona, Pool, guarantees
from portal.client import ApiError, Client
from portal.schemas import GroupIn, NodeOut, PoolIn, ProjectIn, UserIn

MADE = "Made by neurox demo; simulated."
PRODUCT, SIMULATED = "nvidia.com/gpu.product", "neurox.io/simulated"
PATIENCE_SECONDS = 60.0
"""How long a new cluster or node gets to report."""
TOKEN_NAME = "demo"  # noqa: S105 - what the token is called
NOT_FOUND = 404
NO_POOL = f"no ready node is in a pool that selects {SIMULATED}=true, and no other is used"

Say = Callable[[str], None]
Out = TypeVar("Out", bound=BaseModel)


class NotYet(Exception):
    """Something that the demo waits for is not there yet."""


@dataclass(frozen=True)
class World:
    """``safe`` pools take simulated nodes alone; ``pools`` are those of them with ready nodes."""

    safe: frozenset[str]
    pools: list[Pool]
    quotas: dict[str, dict[str, int]]
    """Guarantees: GPUs by pool and group."""


def look(client: Client) -> World:
    """What is there now."""
    safe = frozenset(p.name for p in client.pools.all() if p.selector.get(SIMULATED) == "true")
    quotas: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for quota in client.quotas.all():
        quotas[quota.pool][quota.group] = quota.gpus
    return World(safe, usable(client.nodes.all(), safe), quotas)


def usable(nodes: Iterable[NodeOut], safe: Iterable[str]) -> list[Pool]:
    """The ``safe`` ones among the pools as far as their nodes are ready, by name."""
    ready: dict[str, list[NodeOut]] = {name: [] for name in sorted(safe)}
    for node in nodes:
        if node.pool in ready and node.simulated and node.state == "ready" and node.gpus:
            ready[node.pool].append(node)
    found = []
    for name, members in ready.items():
        within = Counter[str]()
        for node in members:
            within[node.cluster] += node.gpus
        if members:
            widest = max(node.gpus for node in members)
            found.append(Pool(name, within.total(), max(within.values()), widest))
    return found


def make(client: Client, say: Say, patient: bool) -> None:
    """Make what is missing, change nothing that people made; NotYet while the fleet comes up.

    ``patient`` waits for every node, so that guarantees are reckoned from the whole fleet.
    """
    nodes = list(client.nodes.all())
    if not any(node.simulated for node in nodes):
        raise NotYet("there is no simulated GPU node")
    if patient:
        _check_whole(client, nodes)
    for name, wanted in pools_for(nodes, [pool.name for pool in client.pools.all()]).items():
        client.pools.put(name, wanted)
        say(f"made pool {name}")
    if any(node.simulated and node.pool is None for node in nodes):
        raise NotYet("the nodes have yet to be put into their pools")
    world = look(client)
    if not world.pools:
        raise NotYet(NO_POOL)
    promised = {
        pool.name: world.quotas.get(pool.name) or first_quotas(pool, at, len(world.pools))
        for at, pool in enumerate(world.pools)
    }
    for persona in PERSONAS:
        _person(client, persona, own_first(persona.group, promised), say)
    for pool, shares in promised.items():
        if pool not in world.quotas:
            for group, gpus in shares.items():
                client.quotas.put(pool, group, gpus)
                say(f"guaranteed {gpus} GPUs of {pool} to {group}")


def own_first(group: str, promised: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The pools, those first in which the group is guaranteed most.

    A project's first pool is the one that people get who name none; in a pool that is guaranteed
    to others they would wait for ever.
    """
    return sorted(promised, key=lambda pool: -promised[pool].get(group, 0))


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


def first_quotas(pool: Pool, at: int, of: int) -> dict[str, int]:
    """Guarantees of the pool at this place of several: vision and language each have theirs.

    Speech is guaranteed its part beside language alone and borrows beside vision, because a gang
    as large as a pool can start only where nothing is guaranteed to others.
    """
    vision, speech, language = PERSONAS
    if of == 1:
        return guarantees(pool, (vision, speech, language))
    if at % 2 == 0:
        return guarantees(pool, (language, speech, language))
    found = guarantees(pool, (vision, speech, vision))
    found.pop(speech.group, None)
    return found


def sign_in(client: Client, server: str, say: Say) -> dict[str, Client]:
    """A client for each of the demo's users; one who is somebody's real user is left out."""
    found = {}
    for persona in PERSONAS:
        user = known(client.users.get, persona.user)
        if user is None or user.admin or user.groups != [persona.group]:
            say(f"user {persona.user} is not the demo's own; nothing is submitted as them")
            continue
        token = client.users.create_token(user.name, TOKEN_NAME).token
        found[user.name] = Client(server, token)
    return found


def known(get: Callable[[str], Out], name: str) -> Out | None:
    """What is there under the name, if anything."""
    try:
        return get(name)
    except ApiError as error:
        if error.status != NOT_FOUND:
            raise
        return None


def _check_whole(client: Client, nodes: list[NodeOut]) -> None:
    recent = datetime.now(UTC) - timedelta(seconds=PATIENCE_SECONDS)
    for cluster in client.clusters.all():
        if cluster.state == "waiting" and cluster.created_at > recent:
            raise NotYet(f"cluster {cluster.name} has yet to report")
    if any(node.simulated and node.state == "not ready" for node in nodes):
        raise NotYet("a simulated node has yet to become ready")


def _person(client: Client, persona: Persona, pools: list[str], say: Say) -> None:
    """Group, user and project of one persona; the project may use every pool of the demo."""
    group = persona.group
    if known(client.groups.get, group) is None:
        client.groups.put(group, GroupIn(description=MADE))
        say(f"made group {group}")
    if known(client.users.get, persona.user) is None:
        client.users.put(persona.user, UserIn(groups=[group]))
        say(f"made user {persona.user} of group {group}")
    project = known(client.projects.get, group)
    if project and (project.description != MADE or set(pools) <= set(project.pools)):
        return
    wanted = ProjectIn(
        groups=[group], pools=pools, namespace=group, level_limit="critical", description=MADE
    )
    client.projects.put(group, wanted)
    say(f"made project {group} with pools {', '.join(pools)}")


def _free_name(name: str, taken: set[str]) -> str:
    return next(
        each for each in (name, *(f"{name}-{n}" for n in range(2, 1000))) if each not in taken
    )
