"""nginx, HAProxy and Caddy as TLS-terminating edges, by the very configurations of the docs."""

import os
import re
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.tools.toolbox import Toolbox
from tests.conftest import free_port
from tests.controllers.relay.program import await_that

PAGE = Path(__file__).parents[4] / "docs/install/edges.md"
SCALE = 10
"""Idle limits and signs of life are shorter by that, so that a test does not take minutes."""
NGINX = """
daemon off; user {user}; pid {folder}/nginx.pid; error_log {folder}/log info; worker_processes 1;
{options}
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {limits}
  include {folder}/neurox.conf;
}}
"""
HAPROXY = """
global
  {options}
defaults
  mode http
  timeout connect 5s
  timeout client {idle}s
  timeout server {idle}s
"""
CADDY = """
{{
  admin unix/{folder}/admin.sock
  persist_config off
  skip_install_trust
  auto_https disable_redirects
}}
"""


def documented(proxy: str) -> str:
    """The first configuration that the page has under that proxy's heading."""
    found = re.search(
        rf"^## {proxy}\n.*?```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    assert found, f"{PAGE.name} has no configuration of {proxy}"
    return found[1]


@dataclass
class Edge:
    """One proxy before a relay-server, on a port of its own."""

    folder: Path
    pki: Path
    to: int
    scale: int = 1
    options: str = ""
    """What cuts old connections at a reload, in the proxy's own words."""
    port: int = field(default_factory=free_port)

    name = ""
    idle: int | None = None
    """Seconds of silence that it grants by default."""
    abrupt = ""

    def configuration(self) -> dict[str, str]:
        """Its files, the first of which is the one it is started with."""
        raise NotImplementedError

    def command(self, file: Path) -> list[str]:
        raise NotImplementedError

    def reload(self) -> None:
        """Read the configuration anew, as its own package does."""
        raise NotImplementedError

    def start(self) -> None:
        """Write the files and wait until it listens."""
        files = self.configuration()
        for name, text in files.items():
            (self.folder / name).write_text(self._here(text))
        command = self.command(self.folder / next(iter(files)))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        await_that(f"{self.name} listens", self.listens)

    def listens(self) -> bool:
        """Whether it takes connections; fails when it has ended."""
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """At once, its workers and what they hold."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)

    @property
    def limit(self) -> float:
        """Seconds of silence that this one grants."""
        return (self.idle or 60) / self.scale

    def _here(self, text: str) -> str:
        """The documented configuration with this test's addresses and files."""
        for old, new in (
            ("neurox-relay-server:8444", f"127.0.0.1:{self.to}"),
            ("/etc/neurox/tls.crt", f"{self.pki}/relay.crt"),
            ("/etc/neurox/tls.key", f"{self.pki}/relay.key"),
            ("/etc/neurox/tls.pem", f"{self.folder}/tls.pem"),
        ):
            text = text.replace(old, new)
        return re.sub(r"neurox-(api|auth|portal):8080", f"127.0.0.1:{self.to}", text)


class Nginx(Edge):
    name, idle = "nginx", 60
    abrupt = "worker_shutdown_timeout 1s;"

    def configuration(self) -> dict[str, str]:
        seconds = f"{self.limit:g}s"
        limits = f"proxy_read_timeout {seconds}; proxy_send_timeout {seconds};"
        own = documented("nginx").replace("listen 443", f"listen 127.0.0.1:{self.port}")
        user = "root" if os.geteuid() == 0 else "nobody"
        main = NGINX.format(
            folder=self.folder,
            user=user,
            options=self.options,
            limits=limits if self.scale > 1 else "",
        )
        return {"nginx.conf": main, "neurox.conf": own}

    def command(self, file: Path) -> list[str]:
        return [_program("nginx"), "-c", str(file), "-e", str(self.folder / "log")]

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)


class HAProxy(Edge):
    name, idle = "haproxy", 50
    abrupt = "hard-stop-after 1s"

    def configuration(self) -> dict[str, str]:
        pem = "".join((self.pki / f"relay.{end}").read_text() for end in ("crt", "key"))
        own = documented("HAProxy").replace("bind :443", f"bind 127.0.0.1:{self.port}")
        main = HAPROXY.format(options=self.options, idle=f"{self.limit:g}")
        return {"haproxy.cfg": main + own, "tls.pem": pem}

    def command(self, file: Path) -> list[str]:
        return [_program("haproxy"), "-W", "-f", str(file)]

    def reload(self) -> None:
        self.process.send_signal(signal.SIGUSR2)


class Caddy(Edge):
    name = "caddy"
    abrupt = "at once"

    def configuration(self) -> dict[str, str]:
        own = documented("Caddy").replace("neurox.example", f"https://127.0.0.1:{self.port}")
        if self.options:
            own = own.replace("      stream_close_delay 75m\n", "")
        return {"Caddyfile": CADDY.format(folder=self.folder) + own}

    def command(self, file: Path) -> list[str]:
        return [_caddy(), "run", "--config", str(file), "--adapter", "caddyfile"]

    def reload(self) -> None:
        # Caddy leaves an unchanged file alone, unless it is told to.
        words = ["reload", "--force", "--adapter", "caddyfile"]
        where = [
            "--config",
            f"{self.folder}/Caddyfile",
            "--address",
            f"unix/{self.folder}/admin.sock",
        ]
        subprocess.run([_caddy(), *words, *where], check=True, capture_output=True, timeout=30)


EDGES = (Nginx, HAProxy, Caddy)


def _program(name: str) -> str:
    """On PATH; where it is not the test is skipped, but never in continuous integration."""
    found = shutil.which(name)
    if found is None:
        words = f"NOT RUN: {name} is not installed (on Debian: apt install {name})"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(words)
    return str(found)


def _caddy() -> str:
    box = Toolbox.from_env()
    box.ensure(["caddy"])
    return str(box.path("caddy"))
