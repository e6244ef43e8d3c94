"""The demo at work: look, ask for what is missing, look again."""

import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from random import Random

from controllers.loop import Shutdown
from portal.cli.context import Context
from portal.cli.demo_jobs import LONGEST_SECONDS, PERSONAS, Job, Pool, Standing, asks, shape
from portal.cli.demo_world import NO_POOL, PATIENCE_SECONDS, NotYet, Say, known, look, make, sign_in
from portal.cli.failure import CONFLICT, DENIED, CommandFailed
from portal.client import ApiError, Client, NotSignedIn, Unavailable
from portal.schemas import WorkloadIn, WorkloadOut

TICK_SECONDS = 3.0
WAIT_SECONDS = (1.0, 15.0)
GIVE_UP_SECONDS = 3 * LONGEST_SECONDS
"""Who waited for so long stops waiting; normally nobody does."""
UNFINISHED = "Submitted,Queued,Starting,Running,Stopping"
WAITING = ("Submitted", "Queued")
RUN, LOAD = "neurox.io/simulated-run-seconds", "neurox.io/simulated-load"
AT_ITS_LIMIT = {"vit-train": {LOAD: "0.99", "neurox.io/simulated-throttle": "power_cap"}}
"""Work that meets trouble on one GPU of each of its pods, by what it is called."""
MISHAP = {"neurox.io/simulated-xid": "31"}
"""A mistake of a program's own, which the first work of a demo makes."""
NO_USER = "none of the demo's users can be used"
SERVER_ERROR = 500


def standing(workloads: Iterable[WorkloadOut], now: datetime) -> dict[str, list[Standing]]:
    """What is unfinished in each pool."""
    found: defaultdict[str, list[Standing]] = defaultdict(list)
    for each in workloads:
        waited = _waited(each, now) if each.state in WAITING else None
        found[each.pool or ""].append(Standing(each.gpus, waited))
    return found


def hopeless(workload: WorkloadOut, safe: Container[str | None], now: datetime) -> bool:
    """Whether its user gives it up: it waits too long, or its pool takes real GPUs by now."""
    waits = workload.state in WAITING and _waited(workload, now) > GIVE_UP_SECONDS
    return workload.stoppable and (waits or workload.pool not in safe)


def request(job: Job, pool: Pool, trouble: Mapping[str, str]) -> WorkloadIn:
    """The request for a job; on a real cluster its pods would only sleep."""
    pods, each = shape(job.gpus, pool.widest)
    group = job.persona.group
    return WorkloadIn(
        name=job.name,
        project=group,
        group=group,
        pool=pool.name,
        pods=pods,
        gpus_per_pod=each,
        level=job.level,
        command=["sleep", str(job.seconds)],
        annotations={
            RUN: str(job.seconds),
            LOAD: f"{job.load:g}",
            **AT_ITS_LIMIT.get(job.name.rpartition("-")[0], {}),
            **trouble,
        },
    )


class Demo:
    """One run; begins anew whenever the API went away."""

    def __init__(
        self, context: Callable[[], Context], shutdown: Shutdown, say: Say, random: Random
    ) -> None:
        self._context = context
        self._shutdown = shutdown
        self._say = say
        self._random = random
        self._began = time.monotonic()
        self._made = False
        self._mishap: Mapping[str, str] = MISHAP
        self._said: dict[str, str] = {}

    def run(self) -> None:
        """Until asked to end; CommandFailed when it may not do its work."""
        failures = 0
        while not self._shutdown.requested:
            try:
                self._session()
            except (NotYet, ApiError, Unavailable) as reason:
                first, longest = WAIT_SECONDS
                failures = 0 if isinstance(reason, NotYet) else min(failures + 1, 6)
                self._once("", f"waiting: {reason}")
                self._shutdown.sleep(min(longest, first * 2**failures))

    def _session(self) -> None:
        context = self._context()
        with ExitStack() as stack:
            admin = stack.enter_context(closing(Client(context.server, context.token)))
            _check_admin(admin, context)
            if not self._made:
                patient = time.monotonic() - self._began < PATIENCE_SECONDS
                make(admin, self._say, patient)
                self._made = True  # from now on people may change it
            users = sign_in(admin, context.server, lambda text: self._once(text, text))
            for user in users.values():
                stack.enter_context(closing(user))
            while not self._shutdown.requested:
                self._tick(admin, users)
                self._shutdown.sleep(TICK_SECONDS)

    def _tick(self, admin: Client, users: dict[str, Client]) -> None:
        world, now = look(admin), datetime.now(UTC)
        workloads = list(admin.workloads.all(state=UNFINISHED))
        for each in workloads:
            if each.user in users and hopeless(each, world.safe, now):
                users[each.user].workloads.stop(each.id)
                self._say(f"{each.user} gave up {each.name} in pool {each.pool}")
        personas = [persona for persona in PERSONAS if persona.user in users]
        if not (world.pools and personas):
            self._once("", f"waiting: {NO_POOL if personas else NO_USER}")
            return
        self._said.pop("", None)
        in_pool = standing(workloads, now)
        for pool in world.pools:
            quotas = world.quotas.get(pool.name, {})
            for job in asks(self._random, pool, in_pool[pool.name], quotas, personas):
                if not self._shutdown.requested:
                    self._submit(admin, users, job, pool)

    def _submit(self, admin: Client, users: dict[str, Client], job: Job, pool: Pool) -> None:
        """Ask as the job's user; a refusal is said once, for people may have changed the rules."""
        user = job.persona.user
        if user not in users:
            return
        try:
            users[user].workloads.create(request(job, pool, self._mishap))
            self._mishap = {}
            self._say(f"{user} asked for {job.name}: {job.gpus} of {pool.name}, {job.seconds} s")
        except NotSignedIn:
            if known(admin.users.get, user) is not None:
                raise CommandFailed(
                    f"another `neurox demo` took over user {user}; one at a time is enough",
                    CONFLICT,
                ) from None
            users.pop(user).close()
            self._say(f"user {user} was removed; nothing more is submitted as them")
        except ApiError as refusal:
            if refusal.status >= SERVER_ERROR:
                raise
            self._once(user, f"{user} was refused: {refusal}")

    def _once(self, about: str, text: str) -> None:
        if self._said.get(about) != text:
            self._say(text)
            self._said[about] = text


def _check_admin(client: Client, context: Context) -> None:
    """CommandFailed unless the context's token is an admin's."""
    try:
        name = None if (me := client.me()).admin else me.name
    except NotSignedIn:
        name = "nobody"
    if name is not None:
        raise CommandFailed(
            f"the demo needs an admin's token for {context.server}, and {context.name} signs in "
            f"as {name}; run `neurox up` for a fresh one of the local fleet, or set NEUROX_TOKEN",
            DENIED,
        )


def _waited(workload: WorkloadOut, now: datetime) -> float:
    return (now - workload.submitted_at).total_seconds() if workload.submitted_at else 0.0
