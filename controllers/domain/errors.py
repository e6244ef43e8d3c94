"""What can go wrong in the domain; each message names the thing, the limit and the next step."""


class DomainError(Exception):
    """Base of every error that a person can act on."""


class NotFound(DomainError):
    """The named thing does not exist, or the caller may not know that it does."""


class Conflict(DomainError):
    """The change contradicts what is already there."""


class Refused(DomainError):
    """The change breaks a rule: ``field`` is the input at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Unreachable(DomainError):
    """A cluster or a store did not answer in time."""
