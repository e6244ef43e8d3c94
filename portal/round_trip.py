"""One sample, written as Prometheus writes and read back as the api reads: are metrics kept?"""

import struct
import time
import urllib.parse
from collections.abc import Callable

import urllib3

NAME = "neurox_check"
TIMEOUT = urllib3.Timeout(10)


def write(http: urllib3.PoolManager, receive: str, tenant: dict[str, str], value: float) -> None:
    """Hand ``value`` to the store as a sample of now; ``tenant`` is the header that names one."""
    headers = {
        **tenant,
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    body = snappy(request(NAME, value, int(time.time() * 1000)))
    answer = http.request("POST", receive, body=body, headers=headers, timeout=TIMEOUT)
    if answer.status >= 300:
        raise OSError(f"{receive} answered {answer.status}: {answer.data.decode()[:200]}")


def read(http: urllib3.PoolManager, query: str) -> list[float]:
    """The newest value of every tenant's sample."""
    asked = urllib.parse.urlencode({"query": f"last_over_time({NAME}[1h])"})
    answer = http.request("GET", f"{query}/api/v1/query?{asked}", timeout=TIMEOUT)
    if answer.status != 200:
        raise OSError(f"{query} answered {answer.status}: {answer.data.decode()[:200]}")
    return [float(row["value"][1]) for row in answer.json()["data"]["result"]]


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether ``condition`` comes true within ``seconds``; a sample is seen a moment later."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def request(name: str, value: float, at: int) -> bytes:
    """prometheus.WriteRequest with a single sample; ``at`` in milliseconds."""
    label = _field(1, b"__name__") + _field(2, name.encode())
    sample = b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(at)
    return _field(1, _field(1, label) + _field(2, sample))


def snappy(content: bytes) -> bytes:
    """The block format, without compressing: one literal of up to 256 bytes."""
    return _varint(len(content)) + bytes([60 << 2, len(content) - 1]) + content


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
