"""``neurox demo``: three simulated users who keep a simulated fleet busy."""

import typer

from portal.cli.get import ContextOption

app = typer.Typer()


@app.command()
def demo(context: ContextOption = None) -> None:
    """Submit simulated workloads as three users of three groups, until stopped.

    It uses the public API alone, takes only simulated GPUs, and leaves alone what people made.
    """
    import os
    from random import Random

    from controllers.loop import Shutdown
    from portal.cli import context as contexts
    from portal.cli.demo_run import Demo
    from portal.cli.text import clean

    def say(text: str) -> None:
        print(f"demo: {clean(text)}", flush=True)

    def chosen() -> contexts.Context:
        return contexts.chosen(contexts.contexts_file(), os.environ, context)

    where = chosen()
    say(f"simulated work for {where.server} ({where.name}), 60 times faster than life")
    # Signals keep their usual meaning: it holds nothing, and must not wait for a slow answer.
    Demo(chosen, Shutdown(), say, Random()).run()  # noqa: S311 - nothing is secret
