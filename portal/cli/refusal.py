"""What the API refuses, as a sentence and an exit status."""

from collections.abc import Iterator
from contextlib import contextmanager

from portal.cli.failure import CONFLICT, DENIED, FAILED, NOT_FOUND, USAGE, CommandFailed
from portal.cli.text import clean
from portal.client import ApiError, NotSignedIn, OtherVersion, Unavailable
from portal.schemas import Problem

EXIT_CODES = {400: USAGE, 401: DENIED, 403: DENIED, 404: NOT_FOUND, 409: CONFLICT, 422: USAGE}


@contextmanager
def told() -> Iterator[None]:
    """Turn the client's exceptions into CommandFailed."""
    try:
        yield
    except NotSignedIn as error:
        hint = "check NEUROX_TOKEN, or run `neurox up` for a fresh one of the local fleet"
        raise CommandFailed(f"{sentence(error.problem)}\n  {hint}", DENIED) from None
    except ApiError as error:
        code = EXIT_CODES.get(error.status, FAILED)
        raise CommandFailed(sentence(error.problem), code) from None
    except OtherVersion as error:
        hint = "use the `neurox` of the server's version, or upgrade the older of the two"
        raise CommandFailed(f"{clean(str(error))}\n  {hint}") from None
    except Unavailable as error:
        raise CommandFailed(f"{clean(str(error))}\n  is it running? see `neurox status`") from None


def sentence(problem: Problem) -> str:
    """The problem's detail, and a line for each input at fault that it does not repeat."""
    detail = clean(problem.detail or problem.title)
    lines = [f"  {clean(error.field)}: {clean(error.message)}" for error in problem.errors]
    return "\n".join([detail, *(line for line in lines if not line.endswith(f": {detail}"))])
