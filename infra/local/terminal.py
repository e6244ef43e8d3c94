"""What `up` tells the person who started it."""

import sys
import time


class Terminal:
    """One line a step with the seconds since the start; a closed terminal is no error."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def step(self, text: str) -> None:
        """Something was reached."""
        self.line(f"{time.monotonic() - self._began:6.1f} s  {text}")

    def event(self, text: str) -> None:
        """Something happened while it runs."""
        self.line(f"{time.strftime('%H:%M:%S')}  {text}")

    def line(self, text: str) -> None:
        """As it is."""
        try:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        except OSError:
            return  # nobody reads any more; the fleet goes on until it is told to stop
