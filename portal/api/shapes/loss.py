"""Why a cluster does not report any more, in one sentence for the first page."""

from dataclasses import dataclass

from portal.api.shapes.checks import Known
from portal.api.shapes.link import link_state
from portal.duration import in_words


@dataclass(frozen=True)
class Loss:
    """A cluster that is lost, or whose access was taken back: by whom, where that may be told."""

    known: Known
    revoked_by: str = ""


def sentence(loss: Loss) -> str:
    """What happened, since when and why, as far as that is known."""
    known, credential = loss.known, loss.known.credential
    if credential.revoked_at is not None and credential.revoked:
        by = f" by {loss.revoked_by}" if loss.revoked_by else ""
        ago = in_words(known.now - credential.revoked_at)
        return f"The access of cluster {known.name} was revoked {ago} ago{by}."
    silent = in_words(known.now - (known.reported.reported_at or known.now))
    state, since, reason = link_state(known)
    if state == "connected":
        why = _reason(known.failure)
        return f"Cluster {known.name} is connected and has not reported for {silent}{why}."
    if since is None:
        return f"Cluster {known.name} has not reported for {silent}."
    return f"Cluster {known.name} was lost {in_words(known.now - since)} ago{_reason(reason)}."


def _reason(words: str) -> str:
    return f": {words.rstrip('.')}" if words else ""
