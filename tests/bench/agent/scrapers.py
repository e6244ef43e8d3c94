"""Scrapes as several Prometheus servers would: ``scrapers.py SCRAPERS SECONDS URL...``.

Each scraper of a URL keeps its connection, takes gzip, and asks every ``EVERY_SECONDS`` at a phase
of its own. Prints as JSON, for each URL, how long each scrape took and the age that it read.
"""

import asyncio
import gzip
import json
import re
import sys
import time
from urllib.parse import urlsplit

EVERY_SECONDS = 0.2
AGE = re.compile(rb"^neurox_agent_snapshot_age_seconds\S* (\S+)$", re.MULTILINE)
Answer = tuple[float, bytes, bytes]
"""Seconds, headers and body."""


async def scrape(url: str, begin: float, end: float, answers: list[Answer]) -> None:
    """One scraper, from ``begin`` to ``end`` of the monotonic clock."""
    where = urlsplit(url)
    head = f"GET {where.path} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    reader, writer, due = None, None, begin
    while due < end:
        await asyncio.sleep(max(0, due - time.monotonic()))
        began = time.perf_counter()
        if writer is None:
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(head)
        headers = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = re.search(rb"content-length: (\d+)", headers)
        assert length is not None, headers
        body = await reader.readexactly(int(length[1]))
        answers.append((time.perf_counter() - began, headers, body))
        if headers.startswith(b"http/1.0"):  # it closes the connection after each answer
            writer.close()
            writer = None
        due += EVERY_SECONDS


def read(answers: list[Answer]) -> dict[str, list[float]]:
    """Numbers of the answers. Afterwards, for this takes longer than a scrape."""
    found: dict[str, list[float]] = {"milliseconds": [], "age": [], "series": []}
    for seconds, headers, body in answers:
        assert headers.split()[1] == b"200", headers
        found["milliseconds"].append(seconds * 1000)
        text = gzip.decompress(body) if b"content-encoding: gzip" in headers else body
        if age := AGE.search(text):
            found["age"].append(float(age[1]))
    found["series"] = [sum(not line.startswith(b"#") for line in text.splitlines())]
    return found


async def main(scrapers: int, seconds: float, urls: list[str]) -> None:
    """All of them at once."""
    begin = time.monotonic() + 0.2
    answers: dict[str, list[Answer]] = {url: [] for url in urls}
    count = scrapers * len(urls)
    phases = [begin + EVERY_SECONDS * number / count for number in range(count)]
    targets = urls * scrapers
    await asyncio.gather(
        *(
            scrape(url, phase, begin + seconds, answers[url])
            for url, phase in zip(targets, phases, strict=True)
        )
    )
    json.dump({url: read(answers[url]) for url in urls}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
