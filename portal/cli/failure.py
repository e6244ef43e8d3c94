"""How a command fails: one sentence on standard error and an exit status scripts can use."""

FAILED, USAGE, NOT_FOUND, DENIED, CONFLICT, TIMEOUT, PARTIAL = 1, 2, 3, 4, 5, 6, 7
INTERRUPTED = 130


class CommandFailed(Exception):
    """Raised by any command; ``neurox: MESSAGE`` is printed and the status returned."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
