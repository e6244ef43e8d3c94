"""``neurox get``: what there is."""

import sys
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portal.cli.failure import NOT_FOUND, USAGE, CommandFailed

if TYPE_CHECKING:
    from portal.cli.columns import Noun
    from portal.client import Client

app = typer.Typer()
LIMIT = 50

OutputOption = Annotated[
    str, typer.Option("-o", "--output", help="table, wide, json, yaml, csv or name.")
]
ContextOption = Annotated[
    str | None,
    typer.Option(
        "--context",
        help="Neurox to ask, by its context.",
        show_default="the current context, `local` after `up`",
    ),
]
Filter = str | None


def _filter(name: str, short: str | None = None) -> Any:
    names = [f"--{name}", *([short] if short else [])]
    return typer.Option(*names, help=f"Only of this {name}; A,B means either.")


@app.command()
def get(  # noqa: PLR0913, PLR0917 - typer reads the options from the parameters
    what: Annotated[
        str,
        typer.Argument(
            metavar="NOUN",
            help="clusters (cl), nodes (no), gpus (gp), pools (np), projects (pj), groups (gr), "
            "quotas (qt), workloads (wl) or users (us).",
        ),
    ],
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only the one with this name or id.")
    ] = None,
    cluster: Annotated[Filter, _filter("cluster", "-c")] = None,
    project: Annotated[Filter, _filter("project", "-p")] = None,
    group: Annotated[Filter, _filter("group")] = None,
    pool: Annotated[Filter, _filter("pool")] = None,
    node: Annotated[Filter, _filter("node")] = None,
    user: Annotated[Filter, _filter("user")] = None,
    state: Annotated[Filter, _filter("state")] = None,
    level: Annotated[Filter, _filter("level")] = None,
    search: Annotated[
        str | None, typer.Option("-q", "--search", help="Only what has this text in it.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="Field to sort by; -FIELD turns it round.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = LIMIT,
    everything: Annotated[bool, typer.Option("--all", "-A", help="All, however many.")] = False,
    output: OutputOption = "table",
    context: ContextOption = None,
) -> None:
    """List what there is, or show one thing by its name."""
    from portal.cli import context as contexts

    noun = _noun(what)
    form = form_of(output)
    filters = {
        **{"cluster": cluster, "project": project, "group": group, "pool": pool, "node": node},
        **{"user": user, "state": state, "level": level, "q": search, "sort": sort},
    }
    query = {key: value for key, value in filters.items() if value}
    with contexts.client(context) as client:
        if name is not None:
            _show_one(client, noun, name, query, form)
        else:
            show_many(client, noun, query, None if everything else limit, form)


def _show_one(client: "Client", noun: "Noun", name: str, query: dict[str, str], form: Any) -> None:
    from portal.cli import output

    found = one(client, noun, name, query)
    sys.stdout.write(output.item(noun, found, form))
    if form in ("table", "wide") and getattr(found, "simulated", False):
        output.note("It is simulated.")


def show_many(
    client: "Client", noun: "Noun", query: dict[str, str], limit: int | None, form: Any
) -> None:
    """All that the query asks for, at most ``limit``, and a word where that is not everything."""
    from portal.cli import output

    resource = getattr(client, noun.name)
    page_size = min(limit or 500, 500)
    first = resource.list(limit=page_size, **query)
    found = list(first.items)
    if first.next_cursor and (limit is None or limit > len(found)):
        found = list(islice(resource.all(**query), limit))
    sys.stdout.write(output.items(noun, found, form))
    if form not in ("table", "wide"):
        return
    if not found:
        output.note("Nothing matches." if query else noun.empty)
    elif len(found) < first.total:
        output.note(f"{len(found)} of {first.total}; --all shows the rest.")
    if form == "table" and any(getattr(item, "simulated", False) for item in found):
        output.note("Some or all of these are simulated; -o wide says which.")


def one(client: "Client", noun: "Noun", name: str, query: dict[str, str]) -> Any:
    """The one item of that name or id; CommandFailed when there is none or more than one."""
    from portal.client import ApiError

    resource = getattr(client, noun.name)
    if not query and noun.name not in ("nodes", "quotas"):
        try:
            return resource.get(name)
        except ApiError as error:
            if error.status != 404 or noun.name != "workloads":
                raise
    if noun.name == "quotas":
        candidates = list(resource.all(**query))
    else:
        candidates = list(resource.all(**{**query, "q": name}))
    found = [
        item for item in candidates if name in (noun.identity(item), getattr(item, "name", None))
    ]
    if len(found) == 1:
        return found[0]
    singular = noun.aliases[0]
    if not found:
        raise CommandFailed(f"there is no {singular} {name!r}", NOT_FOUND)
    how = "give its id" if noun.name == "workloads" else "add --cluster"
    raise CommandFailed(f"{len(found)} {noun.name} are called {name!r}; {how}", USAGE)


def _noun(word: str) -> "Noun":
    from difflib import get_close_matches

    from portal.cli.columns import NOUNS, noun

    found = noun(word)
    if found is None:
        words = [each.name for each in NOUNS]
        near = get_close_matches(word.lower(), words, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(words)}"
        raise CommandFailed(f"there is nothing called {word!r} to get; {hint}", USAGE)
    return found


def form_of(word: str) -> Any:
    """The form of that name; CommandFailed when there is none."""
    from typing import get_args

    from portal.cli.output import Format

    if word not in get_args(Format):
        known = ", ".join(get_args(Format))
        raise CommandFailed(f"-o {word} is unknown; choose one of {known}", USAGE)
    return word
