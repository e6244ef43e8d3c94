"""Memory as a capture writes it, as in ``[28000002?36.]``. See docs/reference/capture.md."""

import re

_ZEROS = re.compile(rb"\0{4,}")


class MemoryText:
    """Collects the text of one piece of memory. A ``question`` keeps only what the driver reads."""

    def __init__(self, question: bool) -> None:
        self.question = question
        self._done: list[str] = []
        self._bytes = bytearray()
        self._skipped = 0

    def put(self, data: bytes, read: bool) -> None:
        """Bytes; in a question they count only when the driver reads them."""
        if self.question and not read:
            self.skip(len(data))
        elif data:
            self._flush(skipped=True)
            self._bytes += data

    def token(self, text: str) -> None:
        """A handle or a pointer, written already."""
        self._flush(skipped=True, data=True)
        self._done.append(text)

    def skip(self, length: int) -> None:
        """Bytes that do not count."""
        if length:
            self._flush(data=True)
            self._skipped += length

    def text(self) -> str:
        """All of it, in brackets."""
        self._flush(skipped=True, data=True)
        return f"[{''.join(self._done)}]"

    def _flush(self, skipped: bool = False, data: bool = False) -> None:
        if skipped and self._skipped:
            self._done.append(f"?{self._skipped}.")
            self._skipped = 0
        if data and self._bytes:
            self._done.append(hexadecimal(bytes(self._bytes)))
            self._bytes.clear()


def hexadecimal(data: bytes) -> str:
    """Two digits a byte, and ``z12.`` for twelve zeros."""
    parts, done = [], 0
    for run in _ZEROS.finditer(data):
        parts += [data[done : run.start()].hex(), f"z{run.end() - run.start()}."]
        done = run.end()
    return "".join([*parts, data[done:].hex()])
