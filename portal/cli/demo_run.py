"""The demo at work: fill the fleet, then keep it busy with a short queue."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from random import Random

from controllers.loop import Shutdown
from portal.cli.context import Context
from portal.cli.demo_jobs import (
    PERSONAS,
    Job,
    Persona,
    batch,
    next_persona,
    shape,
    target,
    wave,
    weights,
)
from portal.cli.demo_world import PATIENCE_SECONDS, NotYet, Room, Say, ensure, tokens
from portal.client import ApiError, Client, NotSignedIn, Unavailable
from portal.schemas import WorkloadIn, WorkloadOut

FULL = 0.9
"""How full the first wave makes each pool."""
QUEUED_MOST = 12
GANG_MOST = 16
TICK_SECONDS = 3.0
REFRESH_TICKS = 20
WAIT_SECONDS = (1.0, 15.0)
UNFINISHED = "Submitted,Queued,Starting,Running,Stopping"
WAITING = ("Submitted", "Queued")
RUN, LOAD = "neurox.io/simulated-run-seconds", "neurox.io/simulated-load"


@dataclass(frozen=True)
class Demand:
    """What is wanted now: GPUs by pool, running or not, and workloads that wait."""

    gpus: Counter[str]
    queued: int


def demand(workloads: Iterable[WorkloadOut]) -> Demand:
    """The demand of all unfinished workloads, whoever made them."""
    gpus, queued = Counter[str](), 0
    for workload in workloads:
        gpus[workload.pool or ""] += workload.gpus
        queued += workload.state in WAITING
    return Demand(gpus, queued)


def roomiest(rooms: Iterable[Room], wanted: Demand, ratio: float) -> Room | None:
    """The pool that is furthest below ``ratio`` of its GPUs; None when all are above it."""
    short = [(ratio * room.gpus - wanted.gpus[room.pool], room) for room in rooms]
    short = [(gap, room) for gap, room in short if gap > 0]
    return max(short, key=lambda pair: (pair[0], pair[1].pool))[1] if short else None


def most(room: Room) -> int:
    """GPUs of the largest gang for a pool: half of it at most."""
    return max(1, min(GANG_MOST, room.gpus // 2))


def workload(persona: Persona, job: Job, room: Room) -> WorkloadIn:
    """The request for a job; on a real cluster its pods would only sleep."""
    pods, each = shape(job.gpus, room.widest)
    return WorkloadIn(
        name=job.name,
        project=persona.group,
        group=persona.group,
        pool=room.pool,
        pods=pods,
        gpus_per_pod=each,
        level=job.level,
        command=["sleep", str(job.seconds)],
        annotations={RUN: str(job.seconds), LOAD: f"{job.load:g}"},
    )


class Demo:
    """One run; begins anew whenever the API went away."""

    def __init__(
        self, context: Callable[[], Context], shutdown: Shutdown, say: Say, seed: int, rate: float
    ) -> None:
        self._context = context
        self._shutdown = shutdown
        self._say = say
        self._random = Random(seed)  # noqa: S311 - nothing here is secret
        self._rate = rate
        self._weights = weights(self._random)
        self._pending: list[tuple[Persona, Job]] = []
        self._began = time.monotonic()
        self._said = ""

    def run(self, once: bool) -> None:
        """Until asked to end; with ``once`` until the first wave is submitted."""
        failures = 0
        while not self._shutdown.requested:
            try:
                if self._session(once):
                    return
                failures = 0
            except (NotYet, ApiError, Unavailable) as reason:
                first, longest = WAIT_SECONDS
                pause = first if isinstance(reason, NotYet) else min(longest, first * 2**failures)
                failures = 0 if isinstance(reason, NotYet) else min(failures + 1, 6)
                self._once(f"waiting: {reason}")
                self._shutdown.sleep(pause)

    def _session(self, once: bool) -> bool:
        context = self._context()
        with closing(Client(context.server, context.token)) as admin:
            patient = time.monotonic() - self._began < PATIENCE_SECONDS
            found = ensure(admin, self._say, patient)
            users = {
                group: Client(context.server, token)
                for group, token in tokens(admin, self._say).items()
            }
            if not users:
                raise NotYet("none of the demo's users can be used")
            try:
                self._fill(admin, users, found)
                if once:
                    return True
                self._keep_busy(admin, users, found)
            finally:
                for user in users.values():
                    user.close()
        return False

    def _fill(self, admin: Client, users: dict[str, Client], rooms: list[Room]) -> None:
        """The first wave: as much as is missing to nearly full, so a restart adds nothing."""
        wanted = demand(admin.workloads.all(state=UNFINISHED))
        personas = [persona for persona in PERSONAS if persona.group in users]
        for room in rooms:
            missing = int(FULL * room.gpus) - wanted.gpus[room.pool]
            jobs = wave(self._random, missing, most(room), self._rate, personas)
            sent = sum(self._submit(users, persona, job, room) for persona, job in jobs)
            if sent:
                self._say(f"submitted {sent} workloads of {missing} GPUs to {room.pool}")

    def _keep_busy(self, admin: Client, users: dict[str, Client], rooms: list[Room]) -> None:
        tick = 0
        while not self._shutdown.requested:
            self._shutdown.sleep(TICK_SECONDS)
            tick += 1
            if tick % REFRESH_TICKS == 0:
                rooms = ensure(admin, self._say)
            wanted = demand(admin.workloads.all(state=UNFINISHED))
            self._top_up(users, rooms, wanted)

    def _top_up(self, users: dict[str, Client], rooms: list[Room], wanted: Demand) -> None:
        """Submit until enough is wanted or the queue is long enough."""
        hours = (time.monotonic() - self._began) * self._rate / 3600
        queued, gpus = wanted.queued, Counter(wanted.gpus)
        for _ in range(QUEUED_MOST):
            room = roomiest(rooms, Demand(gpus, queued), target(hours))
            if room is None or queued >= QUEUED_MOST or self._shutdown.requested:
                return
            persona, job = self._next(users, hours, most(room))
            if self._submit(users, persona, job, room):
                self._say(f"{persona.user} submitted {job.name}: {job.gpus} GPUs, {job.seconds} s")
            gpus[room.pool] += job.gpus
            queued += 1

    def _next(self, users: dict[str, Client], hours: float, limit: int) -> tuple[Persona, Job]:
        """The next job of the batch at hand; one too large for the pool waits for another."""
        for index, (persona, job) in enumerate(self._pending):
            if job.gpus <= limit and persona.group in users:
                del self._pending[index]
                return persona, job
        personas = [persona for persona in PERSONAS if persona.group in users]
        persona = next_persona(self._random, hours, self._weights, personas)
        first, *rest = batch(self._random, persona, limit, self._rate)
        self._pending = [(persona, job) for job in rest]
        return persona, first

    def _submit(self, users: dict[str, Client], persona: Persona, job: Job, room: Room) -> bool:
        """Whether it was taken; a refusal is said once, for people may have changed the rules."""
        try:
            users[persona.group].workloads.create(workload(persona, job, room))
        except NotSignedIn:
            raise
        except ApiError as refusal:
            if refusal.status >= 500:
                raise
            self._once(f"{persona.user} was refused: {refusal}")
            return False
        return True

    def _once(self, text: str) -> None:
        if text != self._said:
            self._say(text)
            self._said = text
