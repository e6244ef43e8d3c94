"""What is measured: the agent, its rival, and a server that only answers."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import gpu_node
import psutil
import requests

from infra.local import child

HERE = Path(__file__).parent
RIVAL = Path(sys.prefix) / "nvitop-exporter" / "bin" / "nvitop-exporter"
START_SECONDS, STOP_SECONDS = 30.0, 20.0
Knows = Callable[[str], bool]


@dataclass
class Scrapes:
    """Of some scrapers: what each took, the age it read, and what a bare server took meanwhile."""

    milliseconds: list[float] = field(default_factory=list)
    age: list[float] = field(default_factory=list)
    series: list[float] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    def add(self, more: "Scrapes") -> None:
        """Those of another turn."""
        for name, values in vars(more).items():
            getattr(self, name).extend(values)


@dataclass(frozen=True)
class Server:
    """A running process that answers /metrics."""

    process: psutil.Process
    url: str

    def text(self) -> str:
        """Its page."""
        answer = requests.get(self.url, timeout=10)
        answer.raise_for_status()
        return answer.text

    def resident(self) -> float:
        """MiB."""
        return float(self.process.memory_info().rss / 2**20)

    def cpu_seconds(self) -> float:
        """Of user and system together."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def scraped(self, scrapers: int, seconds: float, beside: str) -> Scrapes:
        """What scrapers.py, a process of its own, finds here and at the bare server ``beside``."""
        argv = [sys.executable, str(HERE / "scrapers.py"), str(scrapers), f"{seconds}"]
        done = subprocess.run(
            [*argv, self.url, beside], stdout=subprocess.PIPE, start_new_session=True, check=True
        )
        found = json.loads(done.stdout)
        return Scrapes(**found[self.url], bare=found[beside]["milliseconds"])


@contextmanager
def started(argv: Sequence[str], env: dict[str, str], url: str, knows: Knows) -> Iterator[Server]:
    """The process, once what it serves shows that it knows all that there is."""
    with tempfile.TemporaryFile() as log:
        process = child.start(tuple(argv), os.environ | env, None, log)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _serves(url, knows):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{argv[-1]} does not serve all there is")
                time.sleep(0.1)
            yield Server(psutil.Process(process.pid), url)
        except (requests.RequestException, SystemExit):
            log.seek(0)
            sys.stderr.write(f"the last words of {argv[0]}:\n{log.read()[-2000:].decode()}\n")
            raise
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _serves(url: str, knows: Knows) -> bool:
    try:
        return knows(requests.get(url, timeout=5).text)
    except (requests.ConnectionError, requests.Timeout):
        return False


@contextmanager
def bare_server() -> Iterator[str]:
    """The address of a server that only answers."""
    port = gpu_node.free_port()
    argv, url = [sys.executable, str(HERE / "bare.py"), str(port)], f"http://127.0.0.1:{port}/"
    with started(argv, {}, url, bool):
        yield url


@contextmanager
def agent(node: dict[str, str], interval: float = 1.0) -> Iterator[Server]:
    """Our agent; an ``interval`` below a second is for the soak alone."""
    port = gpu_node.free_port()
    env = node | {
        "NEUROX_AGENT_LISTEN": f"127.0.0.1:{port}",
        "NEUROX_AGENT_INTERVAL": f"{interval:g}",
    }

    def knows(text: str) -> bool:
        every = ("neurox_pod_gpu_memory_used_bytes{", "neurox_pod_gpu_allocation_info{")
        sources = ("neurox_agent_pods_up", "neurox_agent_kubelet_up")
        return (
            all(text.count(f"\n{name}") == gpu_node.USERS for name in every)
            and all(f'\n{name}{{node="{gpu_node.NODE}"}} 1\n' in text for name in sources)
            and "\nneurox_agent_collection_errors_total" not in text
        )

    argv = [sys.executable, "-m", "agent"]
    with started(argv, env, f"http://127.0.0.1:{port}/metrics", knows) as server:
        yield server


@contextmanager
def rival(node: dict[str, str]) -> Iterator[Server]:
    """nvitop-exporter on the same driver."""
    port = gpu_node.free_port()
    argv = [str(RIVAL), "--bind-address", "127.0.0.1", "--port", str(port), "--interval", "1"]
    uuids = [gpu_node.gpu_uuid(index) for index in range(gpu_node.GPUS)]

    def knows(text: str) -> bool:
        return all(uuid in text for uuid in uuids)

    with started(argv, node, f"http://127.0.0.1:{port}/metrics", knows) as server:
        yield server
