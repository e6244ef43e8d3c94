"""The last lines of `up`: the address, the first password once, what to try."""

from infra.local.admin import CONTEXT, Admin
from infra.local.terminal import Terminal


class Welcome:
    """Says each thing once."""

    def __init__(self, url: str, terminal: Terminal) -> None:
        self._url = url
        self._terminal = terminal
        self._password_told = False

    def say(self, made: Admin, demo: bool) -> None:
        """Everything a person needs to begin."""
        line = self._terminal.line
        line("")
        line(f"  Neurox is at {self._url}")
        self.password(made)
        line("")
        line("  Try:  neurox get gpus          every GPU and who holds it")
        if demo:
            line("        neurox get workloads     the demo's jobs come and go")
        line("        neurox status            every process of this fleet")
        if made.context != CONTEXT:
            line(
                f"  The command line uses {made.context!r}; NEUROX_CONTEXT={CONTEXT} is this fleet."
            )
        line("  Ctrl-C stops it; the next `neurox up` resumes it.")
        line("")

    def password(self, made: Admin) -> None:
        """Who signs in, and with what if that was made just now."""
        if self._password_told:
            return
        self._password_told = True
        if made.password is not None:
            self._terminal.line(f"  Sign in as {made.name}, password: {made.password}")
            self._terminal.line("  (shown this once)")
        else:
            self._terminal.line(f"  Sign in as {made.name} with the password you were given first.")
