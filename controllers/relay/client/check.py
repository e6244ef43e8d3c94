"""``neurox-relay check``: what is well and what is not between this cluster and the hub."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http import HTTPStatus

from controllers.environment import SettingsError
from controllers.relay.client.beside import beside
from controllers.relay.client.joiner import Invitation, JoinFailed, invitation
from controllers.relay.client.keyring import SECRET, Kept, Keyring
from controllers.relay.client.kubernetes import Access, Kubernetes, KubernetesError
from controllers.relay.client.settings import Settings
from controllers.relay.client.stage import ANOTHER, LOGS, NOT_LOOKED_AT, Stage
from controllers.relay.client.standing import Standing
from controllers.relay.client.way import STAGES, Way
from controllers.relay.client.whereabouts import Whereabouts
from controllers.relay.hub_place import Place

GOOD, LACKING, FAILED = 0, 1, 2
"""Exit codes."""
ANEW = "make a new one (Clusters page, or `neurox cluster join NAME`) and apply it here."
_KEY_REFUSED: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "the control plane does not take that key (401)",
    HTTPStatus.FORBIDDEN: "the cluster's access was taken back (403)",
}


@dataclass(frozen=True)
class Known:
    """What this cluster has of the control plane; ``failure`` and ``harm`` are why it has not."""

    invited: Invitation | None = None
    harm: str = ""
    kept: Kept | None = None
    worked: Place | None = None
    failure: str = ""

    @property
    def is_member(self) -> bool:
        """It has joined."""
        return self.kept is not None and self.kept.member is not None

    @property
    def is_invited_anew(self) -> bool:
        """The join Secret's token is another than the one that was used."""
        used = self.kept.token_id if self.kept is not None else ""
        return self.invited is not None and self.invited.token_id != used

    @property
    def place(self) -> Place | None:
        """Where the relay-client goes, or would go next."""
        member = self.kept.member if self.kept is not None else None
        invited = self.invited
        if invited is None or (
            member is not None
            and not self.is_invited_anew
            and (member.server, member.ca_pem) == (invited.server, invited.ca_pem)
        ):
            return self.worked
        return Place(invited.server, (invited.ca_pem or "").strip())


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "check",
        help="print each stage between this cluster and the control plane, and what to do",
        description="Look at the join Secret and walk the way to the control plane as the "
        "relay-client would, ask the one that runs here, and print what was found. Nothing is "
        "changed, no token is used and no secret is printed.",
        epilog="Exit code: 0 all is well, 1 something is not (yet), 2 bad settings.",
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="how (default: text)"
    )
    parser.set_defaults(command=_check)


def _check(asked: argparse.Namespace) -> int:
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as failure:
        sys.stderr.write(f"neurox-relay check: {failure}\n")
        return FAILED
    with asyncio.Runner() as runner:
        stages = runner.run(look(settings))
        # Before the loop ends: it waits for a lookup that a silent DNS has not answered yet.
        sys.stdout.write(_printed(stages, asked.output))
        sys.stdout.flush()
    return GOOD if _state(stages) == "ok" else LACKING


def _printed(stages: list[Stage], output: str) -> str:
    if output == "text":
        return "".join(_lines(stages))
    rows = {"state": _state(stages), "items": [asdict(stage) for stage in stages]}
    return json.dumps(rows, indent=2) + "\n"


async def look(settings: Settings) -> list[Stage]:
    """Everything once."""
    known = await _known(settings)
    stages = [_secret(known)]
    if known.place is None:
        stages += [Stage(key, label, "waiting", NOT_LOOKED_AT) for key, label in STAGES]
    else:
        stages += [stage async for stage in Way(known.place, settings.proxies).stages()]
    found = await beside(settings.metrics_listen)
    return [*stages, _token(known, found.standing), *found.stages]


async def _known(settings: Settings) -> Known:
    invited, harm = None, ""
    try:
        invited = invitation(settings.join_file)
    except JoinFailed as failure:
        harm = str(failure)
    try:
        kubernetes = Kubernetes(Access.of(settings.kubeconfig), settings.namespace)
    except KubernetesError as failure:
        return Known(invited, harm, failure=str(failure))
    try:
        kept = await Keyring(kubernetes).load()
        if kept.member is None:
            return Known(invited, harm, kept)
        whereabouts = Whereabouts(kubernetes, kept.member, settings.proxies)
        await whereabouts.recall()
        return Known(invited, harm, kept, whereabouts.current)
    except KubernetesError as failure:
        return Known(invited, harm, failure=str(failure))
    finally:
        kubernetes.close()


def _secret(known: Known) -> Stage:
    key, label = "secret", "Join Secret"
    if known.invited is not None:
        ca = "with a CA" if known.invited.ca_pem else "without a CA, so the system's are trusted"
        says = f"it can be used: {known.invited.server}, token {known.invited.token_id}, {ca}"
        return Stage(key, label, "ok", says)
    if known.is_member:
        says = known.harm or "there is none"
        return Stage(key, label, "ok", f"{says}; this cluster has joined and needs none")
    if known.harm:
        return Stage(key, label, "failed", known.harm, f"Copy it whole, or {ANEW}")
    says = "there is none, or it has not reached this pod yet, which takes up to a minute"
    return Stage(key, label, "failed", says, f"{ANEW[0].upper()}{ANEW[1:]}")


def _token(known: Known, standing: Standing) -> Stage:
    key, label = "token", "Token"
    if known.failure:
        says = f"whether this cluster has joined is not known: {known.failure}"
        fix = "The relay-client needs the API server of this cluster, as the chart sets it up."
        return Stage(key, label, "failed", says, fix)
    member = known.kept.member if known.kept is not None else None
    if member is not None and not known.is_invited_anew:
        says = f"redeemed: this is cluster {member.cluster_id}, its key is in Secret {SECRET}"
        if standing.dial_status in _KEY_REFUSED:
            says += f", but {_KEY_REFUSED[standing.dial_status]}"
            return Stage(key, label, "failed", says, ANOTHER)
        return Stage(key, label, "ok", says)
    if known.invited is None:
        return Stage(key, label, "waiting", "there is none yet")
    if standing.token_id == known.invited.token_id:
        says = f"{standing.token_id} could not be redeemed: {standing.token_refusal}"
        return Stage(key, label, "failed", says, ANOTHER)
    says = f"{known.invited.token_id} has not been redeemed"
    says += "; whether it is good cannot be asked without using it"
    fix = "The relay-client does so by itself once it gets there; its log has how far it came."
    return Stage(key, label, "waiting", says, fix, LOGS)


def _state(stages: list[Stage]) -> str:
    states = {stage.state for stage in stages}
    return next((state for state in ("failed", "waiting") if state in states), "ok")


def _lines(stages: list[Stage]) -> Iterator[str]:
    marks = {"ok": "ok", "failed": "--", "waiting": ".."}
    width = max(len(stage.label) for stage in stages)
    for stage in stages:
        yield f"{marks[stage.state]}  {stage.label:{width}}  {stage.detail}\n"
        yield from (f"    {'':{width}}  {more}\n" for more in (stage.fix, stage.command) if more)
