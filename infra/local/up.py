"""`neurox up`: everything in order, one line a step, then events until Ctrl-C."""

import asyncio
import contextlib
import os
from pathlib import Path

from infra.local import kube_context, preflight, real_node, stragglers
from infra.local.background import off_loop
from infra.local.errors import INTERRUPTED, LocalError
from infra.local.fleet import Fleet, Milestone
from infra.local.interrupts import Interrupts
from infra.local.lock import Lock
from infra.local.options import Options, sandboxes
from infra.local.ports import Ports, refuse_taken
from infra.local.state import State
from infra.local.supervisor import Supervisor
from infra.local.terminal import Terminal
from infra.local.welcome import Welcome
from infra.tools.catalogue import DEFAULT
from infra.tools.errors import ToolError
from infra.tools.toolbox import Toolbox

START_SECONDS = 180.0
NUMBERS_SECONDS = 60.0
NUMBERS_POLL_SECONDS = 0.5
CONTEXT_TOOLS = ("thanos", "valkey-server")


def up(options: Options) -> int:
    """Run it; the exit status. LocalError is one sentence for the person."""
    terminal = Terminal()
    new = not options.folder.exists()
    try:
        preflight.check(options.folder)
        with Lock(options.folder) as lock:
            fleet = _make(options, terminal)
            lock.describe(fleet.control.url)
            return asyncio.run(_run(fleet, options.folder, terminal))
    except KeyboardInterrupt:
        raise LocalError("interrupted; nothing was left running.", INTERRUPTED) from None
    except ToolError as error:
        raise LocalError(str(error)) from None
    except OSError as error:
        where = error.filename or options.folder
        raise LocalError(f"{where}: {error.strerror}; is the disk full or read-only?") from error
    finally:
        if new:
            with contextlib.suppress(OSError):
                options.folder.rmdir()  # only when it was refused before anything was kept there


def _make(options: Options, terminal: Terminal) -> Fleet:
    """Everything that comes before the first process; refusals first, slow things last."""
    state = State.load(options.folder)
    if stragglers.end(options.folder):
        terminal.step("ended what a killed `neurox up` had left")
    if options.port is not None:
        refuse_taken(options.port)
    context = _context(options, state)
    tools = _tools(options, terminal)
    # Chosen last: while tools are built, which takes minutes, somebody else may take a port.
    ports = Ports(state.ports)
    fleet = Fleet(options.folder, ports, ports.http(options.port), tools)
    if context is not None:
        name = kube_context.local_name(context, state.clusters)
        fleet.add_context(name, context)
        state.clusters[name] = context.row()
    chosen = sandboxes(options, state)
    real = real_node.find(options.folder, terminal.step) if chosen else None
    for number, one in enumerate(chosen):
        fleet.add_sandbox(one, real if number == 0 else None)
    if options.demo and chosen:
        fleet.add_demo()
    state.save()
    return fleet


def _tools(options: Options, terminal: Terminal) -> Toolbox:
    tools = Toolbox.from_env()
    wanted = CONTEXT_TOOLS if options.context else (*DEFAULT, *CONTEXT_TOOLS)
    missing = tools.missing(wanted)
    if missing:
        terminal.step(f"building {', '.join(missing)}; this happens once")
    tools.ensure(wanted)
    if not options.context:
        tools.c_compiler()
    terminal.step("tools ready")
    return tools


def _context(options: Options, state: State) -> kube_context.Context | None:
    """The kube context, once it answered and the person agreed."""
    if options.context is None:
        return None
    asked = kube_context.Context.from_env(options.context, os.environ)
    target = kube_context.preflight(asked, options.folder)
    if target.context.row() not in state.clusters.values():
        kube_context.confirm(target, options.yes)
    return target.context


async def _run(fleet: Fleet, folder: Path, terminal: Terminal) -> int:
    interrupts = Interrupts()
    supervisor = Supervisor(fleet.processes, folder, terminal.event, interrupts.hurry)
    supervisor.url = fleet.control.url
    welcome = Welcome(fleet.control.url, terminal)
    supervisor.start()
    try:
        await interrupts.unless_stopped(_stand(fleet, supervisor, terminal))
        supervisor.now_ready(fleet.control.url)
        welcome.say(fleet.admin(), "demo" in supervisor.keepers)
        await interrupts.stop.wait()
    finally:
        if (made := fleet.admin.result) is not None and made.password is not None:
            welcome.password(made)  # stopped early: it would never be shown again
        terminal.line("stopping; Ctrl-C once more hurries")
        await supervisor.stop()
        await off_loop(lambda: stragglers.end(folder))  # short steps that were under way
        terminal.step("stopped; `neurox up` resumes this fleet")
    return 0


async def _stand(fleet: Fleet, supervisor: Supervisor, terminal: Terminal) -> None:
    """Wait until the whole fleet is ready and the first GPU numbers are in the API."""

    async def reach(milestone: Milestone) -> None:
        await supervisor.ready(milestone.names, START_SECONDS)
        terminal.step(milestone.text)

    async def make_admin() -> None:
        await supervisor.ready(["redis"], START_SECONDS)
        await off_loop(fleet.admin)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(make_admin())
            for milestone in fleet.milestones:
                group.create_task(reach(milestone))
    except* LocalError as failures:
        raise failures.exceptions[0] from None
    if fleet.simulated:
        await _numbers(fleet, terminal)


async def _numbers(fleet: Fleet, terminal: Terminal) -> None:
    try:
        async with asyncio.timeout(NUMBERS_SECONDS):
            while not await off_loop(fleet.has_numbers):
                await asyncio.sleep(NUMBERS_POLL_SECONDS)
    except TimeoutError:
        terminal.step(
            f"no GPU numbers after {NUMBERS_SECONDS:g} s; `neurox logs sandbox-1/prometheus` and "
            "`neurox logs sandbox-1/relay-client` may say why"
        )
    else:
        terminal.step("first GPU numbers in the portal")
