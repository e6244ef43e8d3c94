"""A running node, as the test that started it sees it."""

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import psutil

from infra.local import record
from infra.local.errors import TIMEOUT, LocalError
from infra.local.log_file import LogFile
from infra.local.node import images
from infra.local.node.layout import SOCKET
from infra.local.node.leftovers import clean
from infra.local.node.network import Network
from infra.local.node.node import TOOLS
from infra.tools.toolbox import Toolbox

START_SECONDS = 180.0
STOP_SECONDS = 60.0
LOOK_SECONDS = 0.05


class RealNode:
    """A cluster of one real node. Entering waits until it is Ready, leaving takes it away.

    LocalError when it cannot be had, with the last words of what failed.
    """

    def __init__(self, name: str, network: Network) -> None:
        """``name`` is the node's in Kubernetes, and its folder's in the network's."""
        self.name = name
        self.layout = network.node(name)
        """Its addresses and files."""
        self._log = LogFile(self.layout.folder / "logs", "node")
        self._process: subprocess.Popen[bytes] | None = None
        self._first: list[psutil.Process] = []

    @property
    def address(self) -> str:
        """Reached from this machine and from the pods of every node of the network."""
        return self.layout.address

    @property
    def kubeconfig(self) -> Path:
        """The admin's."""
        return self.layout.kubeconfig

    @property
    def audit_log(self) -> Path:
        """What its API server was asked and by whom, one JSON event a line, without contents."""
        return self.layout.cluster.audit_log

    @property
    def pid(self) -> int:
        """Of the process whose end is the node's; it has the node's network and mounts."""
        if self._process is None:
            raise LocalError(f"{self.name} does not run.")
        return self._process.pid

    def import_images(self, archives: Iterable[Path]) -> None:
        """Give the node images out of OCI archives, under the names that these carry."""
        socket = Path(f"/proc/{self.pid}/root{SOCKET}")
        images.load(Toolbox.from_env().path("ctr"), socket, archives)

    def __enter__(self) -> "RealNode":
        tools = Toolbox.from_env()
        if missing := tools.missing(TOOLS):
            raise LocalError(f"`neurox tools {' '.join(missing)}` must come first.")
        clean(self.layout)
        self.layout.write()
        with self._log.open() as log:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "infra.local.node", str(self.layout.folder)),
                # Closed by the kernel when we are gone, which ends the node.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._await_ready(self._process)
            self._first = psutil.Process(self.pid).children()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _await_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_SECONDS
        while (now := record.read(self.layout.folder)) is None or now.phase != "ready":
            words = "".join(f"\n    {line}" for line in self._log.last(8))
            if process.poll() is not None:
                raise LocalError(f"{self.name} did not start:{words}")
            if time.monotonic() > deadline:
                raise LocalError(
                    f"{self.name} is not up after {START_SECONDS:g} s:{words}", TIMEOUT
                )
            time.sleep(LOOK_SECONDS)

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # and the kernel all in its namespace
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None
        psutil.wait_procs(self._first, STOP_SECONDS)  # whose end is that of all in its namespace
        clean(self.layout)  # once more, for it may have been killed
