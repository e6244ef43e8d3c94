"""What a call of the API can end in."""

from pydantic import ValidationError

from portal.schemas import Problem


class Unavailable(Exception):
    """No answer from the API: it is down, too slow, or not what answers at that address."""


class OtherVersion(Unavailable):
    """An answer in a shape that this client does not know."""


class ApiError(Exception):
    """The API refused; ``problem`` is its RFC 9457 answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status


class NotSignedIn(ApiError):
    """The session or token is missing, wrong or expired."""


def from_answer(status: int, body: bytes, path: str) -> ApiError:
    """The error of an answer; one that is no problem document still becomes a sentence."""
    try:
        problem = Problem.model_validate_json(body, extra="ignore")
    except ValidationError:
        problem = Problem(
            title="Unexpected answer",
            status=status,
            detail=f"{path} answered {status} without a problem document; "
            "is a proxy between this client and Neurox?",
            instance=path,
            request_id="",
        )
    return NotSignedIn(problem) if status == 401 else ApiError(problem)
