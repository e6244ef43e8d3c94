"""`neurox up --dry-run`: what would run, without doing it."""

from infra.local import control_plane
from infra.local.options import Options, sandboxes
from infra.local.state import State


def describe(options: Options) -> str:
    """A few lines for a person."""
    from infra.tools.toolbox import Toolbox

    state = State.load(options.folder)
    chosen = sandboxes(options, state)
    port = options.port or state.ports.get("http", 8080)
    missing = Toolbox.from_env().missing()
    lines = [
        f"state          {options.folder}",
        f"address        http://127.0.0.1:{port}" + ("" if options.port else " or the next free"),
        f"tools to build {', '.join(missing) or 'none, all are there'}",
        f"control plane  {', '.join(control_plane.NAMES)}",
    ]
    lines += [
        f"{one.name:<14} a Kubernetes cluster with {one.nodes} simulated nodes of {one.gpus} GPUs, "
        "workload-manager, relay-client, prometheus, "
        f"{one.nodes} agents"
        for one in chosen
    ]
    if options.context is not None:
        lines.append(f"{options.context:<14} your cluster: workload-manager, relay-client")
    lines.append(f"demo           {'on' if options.demo and chosen else 'off'}")
    return "\n".join(lines)
