"""Visitors who never pause: what they send while something is changed, and what became of it."""

import http.client
import json
import re
import select
import ssl
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from installation import Installed

ANSWER_SECONDS = 30.0
KEY = "Idempotency-Key"
GONE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
SAFE = ("GET", "PUT", "DELETE")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> dict:
        found: dict = json.loads(self.body)
        return found


class Browser:
    """One connection that is kept, and a cookie.

    As every client does, it sends again what can be sent twice without harm (RFC 9110, 9.2.2) when
    a connection that it kept turns out to be closed before a byte of the answer has come.
    """

    def __init__(self, url: str, ca: str, cookie: str = "") -> None:
        self.url = url
        self.cookie = cookie
        self.sent = 0
        self.again = 0
        """Requests that were sent a second time."""
        self._host = urlsplit(url).netloc
        self._tls = ssl.create_default_context(cafile=ca)
        self._kept: http.client.HTTPSConnection | None = None

    def send(
        self, method: str, path: str, body: object = None, more: dict[str, str] | None = None
    ) -> Answer:
        """What is answered; OSError or HTTPException when nothing is."""
        headers = {"Origin": self.url, "Cookie": self.cookie, **(more or {})}
        text = None if body is None else json.dumps(body)
        if text:
            headers["Content-Type"] = "application/json"
        self.sent += 1
        kept, self._kept = self._kept, None
        if kept is not None and not _closed(kept):
            try:
                return self._on(kept, method, path, text, headers)
            except GONE:
                if method not in SAFE and KEY not in headers:
                    raise
                self.again += 1
        fresh = http.client.HTTPSConnection(self._host, timeout=ANSWER_SECONDS, context=self._tls)
        return self._on(fresh, method, path, text, headers)

    def get(self, path: str) -> Answer:
        """200, or an error that says what came instead."""
        answer = self.send("GET", path)
        if answer.status != 200:
            raise Unexpected(f"GET {path}", answer)
        return answer

    def write(self, method: str, path: str, body: dict) -> dict:
        """A change by the API."""
        answer = self.send(method, f"/api/v1{path}", body, {KEY: str(uuid.uuid4())})
        if answer.status >= 300:
            raise Unexpected(f"{method} {path}", answer)
        return answer.json()

    def _on(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: str | None,
        headers: dict[str, str],
    ) -> Answer:
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            got = Answer(answer.status, answer.headers, answer.read())
        except BaseException:
            connection.close()
            raise
        if not answer.will_close:
            self._kept = connection
        return got


class Unexpected(Exception):
    """Not the answer that was due."""

    def __init__(self, asked: str, answer: Answer) -> None:
        super().__init__(f"{asked} answered {answer.status}: {answer.body[-300:]!r}")
        self.status = answer.status


FAILED = (OSError, http.client.HTTPException, AssertionError, LookupError, ValueError, Unexpected)
"""An answer that cannot be read counts as well: it would end the visitor's thread unseen."""


def _closed(connection: http.client.HTTPSConnection) -> bool:
    """Nothing can be there to read before anything is asked, but the other side's end."""
    return connection.sock is None or bool(select.select([connection.sock], [], [], 0)[0])


@dataclass
class Traffic:
    """Everything that is sent between ``start`` and ``stop``."""

    browsers: tuple[Browser, ...]
    done: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._began = time.monotonic()

    def add(self, name: str, seconds: float, visit: Callable[[], object]) -> None:
        """Call ``visit`` again and again, with a pause of ``seconds``."""
        self._threads.append(
            threading.Thread(target=self._visit, args=(name, seconds, visit), daemon=True)
        )

    def __enter__(self) -> "Traffic":
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * ANSWER_SECONDS)

    @property
    def sent(self) -> int:
        """Requests of all kinds; a page is several, newcomers' are not counted."""
        return sum(browser.sent for browser in self.browsers)

    @property
    def again(self) -> int:
        """Requests that met a connection which was closed without a word, and were sent again."""
        return sum(browser.again for browser in self.browsers)

    def report(self) -> str:
        """How many of each kind, and the longest of each."""
        kinds = ", ".join(
            f"{count} {name} (longest {self.longest[name]:.1f} s)"
            for name, count in self.done.items()
        )
        return (
            f"{self.sent} requests: {kinds}; {self.again} sent again, {len(self.failures)} failed"
        )

    def _visit(self, name: str, seconds: float, visit: Callable[[], object]) -> None:
        while not self._stop.wait(seconds):
            began = time.monotonic()
            try:
                visit()
            except FAILED as failure:
                at = began - self._began
                self.failures.append(f"{at:.1f} s {name}: {type(failure).__name__} {failure}")
            self.done[name] += 1
            self.longest[name] = max(self.longest.get(name, 0), time.monotonic() - began)


def _submit(writing: "Browser") -> list[str]:
    """The id of a new workload.

    There is none while the node has no GPUs, which is a true answer: the simulated device plugin
    starts anew with the agent. NVIDIA's own does not.
    """
    made = {"name": "train", "project": "arms", "group": "robots", "pool": "h200"}
    try:
        return [writing.write("POST", "/workloads", made)["id"]]
    except Unexpected as refused:
        if "has no GPUs now" not in str(refused):
            raise
        return []


def _fetch(browser: Browser, asset: str, back: bool) -> None:
    """What a page needs. On the way ``back`` 0.1.0 has nothing of the pages of later versions."""
    try:
        browser.get(asset)
    except Unexpected as missing:
        if not back or missing.status != 404:
            raise


def _sign_in(newcomer: Browser, password: str) -> None:
    answer = newcomer.send("POST", "/auth/sign-in", {"name": "admin", "password": password})
    if answer.status != 200:
        raise Unexpected("POST /auth/sign-in", answer)
    newcomer.cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
    assert newcomer.get("/api/v1/me").json()["name"] == "admin"


def _knock(browser: Browser) -> None:
    answer = browser.send("GET", "/relay/v1/join")
    if answer.status != 403:
        raise Unexpected("GET /relay/v1/join", answer)


def visitors(installed: Installed, submitted: list[str], back: bool = False) -> Traffic:
    """A page with what it needs, reads, writes, submissions, sign-ins, and a knock at the relay."""
    ca, url = str(installed.browser.verify), installed.url
    (cookie,) = (f"{one.name}={one.value}" for one in installed.browser.cookies)
    password = installed.cluster.secret("neurox-admin", "password")
    browsers = tuple(Browser(url, ca, cookie) for _ in range(4))
    looking, reading, writing, knocking = browsers

    def look() -> None:
        page = looking.get("/clusters/east").body.decode()
        assert "connected" in page
        for asset in set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page)):
            _fetch(looking, asset, back)

    def read() -> None:
        found = reading.get("/api/v1/clusters/east").json()
        assert found["state"] == "connected", found

    def write() -> None:
        writing.write("PUT", "/groups/robots", {})
        submitted.extend(_submit(writing))

    traffic = Traffic(browsers)
    traffic.add("pages", 0.2, look)
    traffic.add("reads", 0.02, read)
    traffic.add("writes", 0.5, write)
    traffic.add("sign-ins", 0.5, lambda: _sign_in(Browser(url, ca), password))
    traffic.add("knocks", 0.02, lambda: _knock(knocking))
    return traffic
