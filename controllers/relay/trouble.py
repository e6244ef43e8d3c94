"""Why there is no answer: words that name the place, and the kind of trouble, for its remedy."""

import socket
import ssl
from datetime import UTC, datetime
from enum import StrEnum


class Trouble(StrEnum):
    """The kinds."""

    NAME = "name"
    REFUSED = "refused"
    SILENT = "silent"
    UNREACHABLE = "unreachable"
    NO_TLS = "no TLS"
    CUT_TLS = "cut in TLS"
    UNTRUSTED = "untrusted"
    EXPIRED = "expired"
    NOT_YET = "not valid yet"
    OTHER_NAME = "other name"
    PROXY = "proxy"
    PROXY_SIGN_IN = "proxy sign-in"
    PROXY_FORBIDS = "proxy forbids"
    OTHER = "other"


class CallFailed(Exception):
    """No answer; the message names the place and what happened, never what was sent."""

    def __init__(self, words: str, kind: Trouble = Trouble.OTHER) -> None:
        super().__init__(words)
        self.kind = kind


def silent(place: str, seconds: float) -> CallFailed:
    """Nothing came in time."""
    return CallFailed(f"{place} does not answer within {seconds:g} s", Trouble.SILENT)


def unreachable(place: str, failure: OSError) -> CallFailed:
    """What connecting to a place has failed of."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        words = f"{place} shows a certificate that is not trusted: {failure.verify_message}"
        trouble = _certificate(failure.verify_code)
        if trouble in (Trouble.EXPIRED, Trouble.NOT_YET):
            words += f"; by the clock of this machine it is {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        return CallFailed(words, trouble)
    if isinstance(failure, ssl.SSLError):
        reason = (failure.reason or "unknown reason").lower().replace("_", " ")
        return CallFailed(f"{place} does not speak TLS as we do: {reason}", Trouble.NO_TLS)
    if isinstance(failure, socket.gaierror):
        return CallFailed(f"{place} cannot be reached: {failure.strerror}", Trouble.NAME)
    if isinstance(failure, ConnectionRefusedError):
        return CallFailed(f"{place} cannot be reached: connection refused", Trouble.REFUSED)
    return CallFailed(
        f"{place} cannot be reached: {failure.strerror or failure}", Trouble.UNREACHABLE
    )


def _certificate(code: int) -> Trouble:
    match code:
        case 10:
            return Trouble.EXPIRED
        case 9:
            return Trouble.NOT_YET
        case 62 | 64:
            return Trouble.OTHER_NAME
        case _:
            return Trouble.UNTRUSTED
