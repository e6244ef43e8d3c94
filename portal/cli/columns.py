"""What the command line shows of each noun."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from portal.cli.text import duration, gibibytes, moment, percent, plain, since

Show = Callable[[Any], str]


@dataclass(frozen=True)
class Column:
    """A heading and what stands under it; ``wide`` ones are left out of the usual table."""

    heading: str
    show: Show
    wide: bool = False


@dataclass(frozen=True)
class Noun:
    """A thing that can be listed: its words, its columns, what identifies one."""

    name: str
    aliases: tuple[str, ...]
    columns: tuple[Column, ...]
    identity: Show
    empty: str
    """What to do when there are none."""


def field(name: str, wide: bool = False, heading: str = "", show: Show = plain) -> Column:
    """A column of the attribute ``name``."""
    return Column(
        heading or name.upper().replace("_", " "), lambda item: show(getattr(item, name)), wide
    )


def part(heading: str, some: str, whole: str) -> Column:
    """A column like 3/8."""
    return Column(heading, lambda item: f"{getattr(item, some)}/{getattr(item, whole)}")


def _memory(item: Any) -> str:
    if item.memory_used_bytes is None or item.memory_total_bytes is None:
        return "-"
    return f"{item.memory_used_bytes / 2**30:.0f}/{gibibytes(item.memory_total_bytes)}"


def _name(item: Any) -> str:
    return str(item.name)


def _reason(item: Any) -> str:
    return item.reason.message if item.reason else "-"


def _trouble(item: Any) -> str:
    held_back = [event.reason for event in item.clock_events or () if event.throttles]
    found = [*held_back, *(f"XID {xid.code}" for xid in item.xids), *item.findings]
    return "; ".join(found) or "-"


def _issuer(token: Any) -> str:
    return plain(token.issued_by) if token.issued_at else "an installation"


def _end(token: Any) -> str:
    return moment(token.expires_at) if token.expires_at else "its first use"


NAME = field("name")
UTILIZATION = field("utilization", heading="UTIL", show=percent)
AGE = field("age_seconds", heading="AGE", show=duration)
REPORTED = field("report_age_seconds", heading="REPORTED", show=duration)
SAMPLED = field("sample_age_seconds", heading="SAMPLED", show=duration)
SIMULATED = field("simulated", wide=True)
DESCRIPTION = field("description", wide=True)
MEMORY = Column("MEMORY", _memory)
POWER = field("power_watts", True, "WATTS")
CELSIUS = field("temperature_celsius", True, "CELSIUS")
ALLOCATED = part("ALLOCATED", "gpus_allocated", "gpus")
CREATED = field("created_at", True, "CREATED", since)

WORKLOADS = Noun(
    "workloads",
    ("workload", "wl"),
    (
        *(field("id"), NAME, field("user"), field("project"), field("group", True)),
        *(field("pool"), field("level", True), field("state"), field("gpus")),
        *(field("pods", True), UTILIZATION, field("cluster"), field("namespace", True)),
        *(AGE, Column("REASON", _reason), replace(REPORTED, wide=True), SIMULATED),
    ),
    lambda item: str(item.id),
    "no workload: `neurox submit NAME --project PROJECT -- COMMAND` makes one",
)
JOIN_TOKENS = Noun(
    "join_tokens",
    (),
    (
        field("cluster"),
        Column("TOKEN", lambda item: f"nxj_{item.id}_..."),
        Column("ISSUED BY", _issuer),
        field("issued_at", heading="AGE", show=since),
        Column("GOOD UNTIL", _end),
        field("rebuilt", True),
    ),
    lambda item: str(item.cluster),
    "No join token waits: no cluster can join until an admin makes one.",
)
NOUNS = (
    Noun(
        "clusters",
        ("cluster", "cl"),
        (
            *(
                NAME,
                field("state"),
                part("NODES", "nodes_ready", "nodes"),
                ALLOCATED,
            ),
            *(UTILIZATION, field("running"), field("queued"), REPORTED),
            field("kubernetes_version", True, "KUBERNETES"),
            *(field("manager_version", True, "NEUROX"), field("relay_version", True, "RELAY")),
            *(field("labels", True), SIMULATED, CREATED),
            *(field("removed_at", True, "REMOVED", since), field("id", True), DESCRIPTION),
        ),
        _name,
        "no cluster has joined yet: `neurox cluster join NAME --context KUBECONTEXT` adds one",
    ),
    Noun(
        "nodes",
        ("node", "no"),
        (
            *(NAME, field("cluster"), field("pool"), field("state"), field("model")),
            *(ALLOCATED, UTILIZATION, MEMORY, POWER, CELSIUS, field("workloads", True)),
            *(field("reason", True), REPORTED, SIMULATED),
        ),
        _name,
        "no node has GPUs: they appear when a joined cluster's agents and manager report",
    ),
    Noun(
        "gpus",
        ("gpu", "gp"),
        (
            *(field("uuid"), field("cluster", True), field("node"), field("index")),
            *(field("model"), field("pool", True), field("state"), UTILIZATION),
            *(
                field("sm_active", True, "SM", percent),
                field("tensor_active", True, "TENSOR", percent),
            ),
            MEMORY,
            *(POWER, CELSIUS, Column("TROUBLE", _trouble, True), field("workload")),
            *(field("user", True), SAMPLED, SIMULATED),
        ),
        lambda item: str(item.uuid),
        "no GPU has been sampled yet: `neurox get nodes` shows what the clusters report",
    ),
    Noun(
        "pools",
        ("pool", "np"),
        (
            *(NAME, field("clusters"), field("nodes"), ALLOCATED),
            *(field("gpus_guaranteed", heading="GUARANTEED"), UTILIZATION, field("queued")),
            *(field("models", True), REPORTED, DESCRIPTION),
        ),
        _name,
        "there is no node pool yet: an admin makes one by PUT /api/v1/pools/NAME",
    ),
    Noun(
        "projects",
        ("project", "pj"),
        (
            *(NAME, field("groups"), field("pools"), field("namespace")),
            *(field("level_default", True), field("level_limit", True)),
            *(field("gpus_allocated", heading="GPUS"), field("running"), field("queued")),
            *(REPORTED, DESCRIPTION),
        ),
        _name,
        "there is no project yet: an admin makes one by PUT /api/v1/projects/NAME",
    ),
    Noun(
        "groups",
        ("group", "gr"),
        (
            *(NAME, field("members"), field("projects")),
            *(field("gpus_guaranteed", heading="GUARANTEED"),),
            *(field("gpus_allocated", heading="GPUS"), field("queued"), REPORTED, DESCRIPTION),
        ),
        _name,
        "there is no group yet: an admin makes one by PUT /api/v1/groups/NAME",
    ),
    Noun(
        "quotas",
        ("quota", "qt"),
        (
            *(field("pool"), field("group"), field("gpus", heading="GUARANTEED")),
            *(field("gpus_allocated", heading="ALLOCATED"), REPORTED),
        ),
        lambda item: f"{item.pool}/{item.group}",
        "nothing is guaranteed yet: an admin does so by PUT /api/v1/quotas/POOL/GROUP",
    ),
    WORKLOADS,
    Noun(
        "users",
        ("user", "us"),
        (NAME, field("groups"), field("admin"), CREATED),
        _name,
        "there is no local account",
    ),
)


def noun(word: str) -> Noun | None:
    """The noun of that word: plural, singular or short."""
    lower = word.lower()
    return next((each for each in NOUNS if lower in (each.name, *each.aliases)), None)
