"""Scrapes as several Prometheus servers would: ``scrapers.py SCRAPERS SECONDS URL...``.

Each scraper of a URL keeps its connection, takes gzip, and asks every ``EVERY_SECONDS`` at a phase
of its own. Prints as JSON, for each URL, how long each scrape took, the age that it read, how many
series there were in the last one, and how many failed.
"""

import asyncio
import gzip
import json
import re
import sys
import time
from asyncio import StreamReader, StreamWriter
from urllib.parse import urlsplit

EVERY_SECONDS = 0.19
"""No part of a second, so that each scraper meets the agent's passes at every phase."""
PATIENCE_SECONDS = 10.0
AGE = re.compile(rb"^neurox_agent_snapshot_age_seconds\S* (\S+)$", re.MULTILINE)
Answer = tuple[float, bytes, bytes]
"""Seconds, headers and body."""
Connection = tuple[StreamReader, StreamWriter]


class Target:
    """A server, and how it answered all its scrapers."""

    def __init__(self, url: str) -> None:
        self._where = urlsplit(url)
        self._question = (
            f"GET {self._where.path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n"
        ).encode()
        self._answers: list[Answer] = []
        self._failed = 0

    async def scrape(self, begin: float, end: float) -> None:
        """One scraper, from ``begin`` to ``end`` of the monotonic clock."""
        kept: Connection | None = None
        due = begin
        while due < end:
            await asyncio.sleep(max(0, due - time.monotonic()))
            due += EVERY_SECONDS
            began = time.perf_counter()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    kept = kept or await self._connected()
                    headers, body = await self._asked(*kept)
                self._answers.append((time.perf_counter() - began, headers, body))
                ended = headers.startswith(b"http/1.0")  # it closes after each answer
            except (OSError, asyncio.IncompleteReadError):  # a time-out is an OSError too
                self._failed += 1
                ended = True
            if ended and kept:
                kept[1].close()
                kept = None

    async def _connected(self) -> Connection:
        return await asyncio.open_connection(self._where.hostname, self._where.port)

    async def _asked(self, reader: StreamReader, writer: StreamWriter) -> tuple[bytes, bytes]:
        writer.write(self._question)
        headers = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert headers.split()[1] == b"200", headers
        length = re.search(rb"content-length: (\d+)", headers)
        assert length is not None, headers
        return headers, await reader.readexactly(int(length[1]))

    def found(self) -> dict[str, list[float]]:
        """Numbers of the answers. Afterwards, for this takes longer than a scrape."""
        texts = [
            gzip.decompress(body) if b"content-encoding: gzip" in headers else body
            for _, headers, body in self._answers
        ]
        return {
            "milliseconds": [seconds * 1000 for seconds, _, _ in self._answers],
            "age": [float(age[1]) for text in texts if (age := AGE.search(text))],
            "series": [
                sum(not line.startswith(b"#") for line in text.splitlines()) for text in texts[-1:]
            ],
            "failed": [self._failed],
        }


async def main(scrapers: int, seconds: float, urls: list[str]) -> None:
    """All of them at once."""
    begin = time.monotonic() + 0.2
    targets = {url: Target(url) for url in urls}
    count = scrapers * len(urls)
    phases = [begin + EVERY_SECONDS * number / count for number in range(count)]
    await asyncio.gather(
        *(
            target.scrape(phase, begin + seconds)
            for target, phase in zip([*targets.values()] * scrapers, phases, strict=True)
        )
    )
    json.dump({url: target.found() for url, target in targets.items()}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
