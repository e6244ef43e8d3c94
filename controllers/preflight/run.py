"""One run of all checks, and how it ends."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from controllers.preflight import checks, hub, report
from controllers.preflight.checks import Finding, Plane
from controllers.preflight.facts import Ask, Refused, Silent, gather

READY, NOT_READY, USAGE, NOT_ASKED = 0, 1, 2, 3
"""Exit statuses; the last one when the cluster could not be asked."""
NAMESPACE = "neurox-system"


@dataclass(frozen=True)
class Question:
    """What is to be installed where, and which control plane it must reach."""

    plane: Plane
    namespace: str = NAMESPACE
    hub: str | None = None
    ca: Path | None = None
    as_installer: bool = True
    """Whether whoever asks is who will install, so that rights matter."""


def run(asking: Callable[[], Ask], question: Question, as_json: bool) -> int:
    """Print what is found; the exit status."""
    try:
        found = list(_look(asking(), question))
        status = NOT_READY if report.failed(found) else READY
    except (Silent, Refused) as silence:
        fix = "see that `kubectl version` answers; here, that the pod has DNS and a network"
        if question.as_installer:
            fix = "see that `kubectl version` answers; name the cluster by --context"
        found = [Finding("cluster", "failed", f"cannot be asked: {silence}", fix)]
        status = NOT_ASKED
    sys.stdout.write(report.document(found) if as_json else report.text(found))
    return status


def _look(ask: Ask, question: Question) -> Iterator[Finding]:
    rights = checks.RIGHTS[question.plane] if question.as_installer else None
    facts = gather(ask, rights, question.namespace)
    yield from checks.findings(facts, question.plane, question.namespace)
    if question.hub:
        yield from hub.way_to(question.hub, question.ca, facts.clock_seconds)
