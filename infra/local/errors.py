"""What `neurox up` and its sisters end in when they cannot go on."""

FAILED, USAGE, NOT_FOUND, CONFLICT, TIMEOUT, INTERRUPTED = 1, 2, 3, 5, 6, 130


class LocalError(Exception):
    """One sentence that says what is wrong and what to do, and the exit status of the command."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
