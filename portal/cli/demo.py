"""``neurox demo``: three simulated users who keep a simulated fleet busy."""

from typing import Annotated

import typer

from portal.cli.get import ContextOption

app = typer.Typer()


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="The same seed asks for the same work.")] = 1,
    rate: Annotated[
        float, typer.Option(min=1, max=3600, help="How many times faster than real life.")
    ] = 60.0,
    once: Annotated[bool, typer.Option("--once", help="Only fill the fleet, then end.")] = False,
    context: ContextOption = None,
) -> None:
    """Submit simulated workloads as three users of three groups, until stopped.

    It uses the public API alone, takes only simulated GPUs, and leaves alone what people made.
    """
    import os

    from controllers.loop import Shutdown
    from portal.cli import context as contexts
    from portal.cli.demo_run import Demo
    from portal.cli.text import clean

    def say(text: str) -> None:
        print(f"demo: {clean(text)}", flush=True)

    def chosen() -> contexts.Context:
        return contexts.chosen(contexts.contexts_file(), os.environ, context)

    where = chosen()
    say(f"simulated work for {where.server} ({where.name}), seed {seed}, time x {rate:g}")
    Demo(chosen, Shutdown.on_signals(), say, seed, rate).run(once)
