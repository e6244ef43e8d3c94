"""What the agent writes for people to read, whoever chose the words in it."""

import logging
import sys

TEXT_MAX = 1000
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def plain(text: str, most: int = TEXT_MAX) -> str:
    """On one line and not longer: nothing of it can steer a terminal or pass for another line."""
    told = text[: most + 1]
    if not told.isprintable():
        told = "".join(one if one.isprintable() else repr(one)[1:-1] for one in told)
    return told if len(told) <= most else told[: most - 3] + "..."


class Lines(logging.Formatter):
    """A line for each record; only what follows of its trace is indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """What servers, drivers and files say is no more than a part of the line."""
        record.message = plain(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: "logging._SysExcInfoType") -> str:
        """A line of an exception's message is not one of the log."""
        return "\n".join(f"  {plain(line)}" for line in super().formatException(ei).splitlines())


def write() -> None:
    """Write the log to stderr from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
