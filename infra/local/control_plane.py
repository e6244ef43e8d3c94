"""The control plane's processes: Redis, Thanos, the web process, control-manager, relay-server."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.local import secret_file, step
from infra.local.join import Hub
from infra.local.once import Once
from infra.local.ports import LOOPBACK, Ports, address
from infra.local.process import Process
from infra.local.ready import http_ok, redis_pong

NAMES = ("redis", "thanos-receive", "thanos-query", "web", "control-manager", "relay-server")
RETENTION = "2d"


@dataclass(frozen=True)
class Programs:
    """The servers that are not ours."""

    valkey: Path
    thanos: Path


class ControlPlane:
    """Addresses, files and processes of one control plane on this machine."""

    def __init__(self, folder: Path, ports: Ports, http_port: int, programs: Programs) -> None:
        self._folder = folder
        self._http = http_port
        self._programs = programs
        self.url = f"http://{address(http_port)}"
        password = secret_file.kept(folder / "secrets" / "redis-password")
        self._redis_password = password
        self.certificates = Once(self._make_keys)
        self._relay_token = folder / "secrets" / "relay-token"
        secret_file.kept(self._relay_token)
        self._hub_key = folder / "secrets" / "hub-key"
        self._ports = {
            name: ports.get(name)
            for name in (
                "redis",
                "thanos-receive-http",
                "thanos-receive-grpc",
                "thanos-receive-write",
                "thanos-receive-capnproto",
                "thanos-query-http",
                "thanos-query-grpc",
                "control-manager",
                "relay",
                "relay-internal",
            )
        }
        self.hub = Hub(f"https://{self._at('relay')}", folder / "pki" / "ca.crt")
        self.redis_url = f"redis://:{password}@{self._at('redis')}/0"

    def processes(self) -> list[Process]:
        """All six, each ready when its own readiness endpoint says so."""
        return [
            self._redis(),
            self._receive(),
            self._query(),
            self._relay_server(),
            self._web(),
            self._control_manager(),
        ]

    @property
    def thanos_url(self) -> str:
        """Of Thanos query."""
        return f"http://{self._at('thanos-query-http')}"

    def _at(self, name: str) -> str:
        return address(self._ports[name])

    def _redis(self) -> Process:
        data = self._folder / "redis"
        settings = data / "redis.conf"

        def prepare() -> None:
            data.mkdir(parents=True, exist_ok=True)
            # In a file, for every account of the machine can read an argument list.
            secret_file.write(
                settings,
                f"bind {LOOPBACK}\nport {self._ports['redis']}\n"
                f"requirepass {self._redis_password}\n"
                'appendonly yes\nappendfsync always\nsave ""\ndaemonize no\n'
                "maxmemory-policy noeviction\n",
            )

        return Process(
            name="redis",
            argv=(str(self._programs.valkey), settings.name),
            cwd=data,  # where its file goes; no name of a folder has to be quoted for it
            ready=redis_pong(self._ports["redis"], self._redis_password),
            prepare=prepare,
        )

    def _receive(self) -> Process:
        return Process(
            name="thanos-receive",
            argv=(
                str(self._programs.thanos),
                "receive",
                f"--http-address={self._at('thanos-receive-http')}",
                f"--grpc-address={self._at('thanos-receive-grpc')}",
                f"--remote-write.address={self._at('thanos-receive-write')}",
                f"--receive.capnproto-address={self._at('thanos-receive-capnproto')}",
                f"--tsdb.path={self._folder / 'thanos'}",
                f"--tsdb.retention={RETENTION}",
                '--label=receive_replica="0"',
                "--receive.tenant-header=THANOS-TENANT",
                "--receive.tenant-label-name=tenant_id",
                "--receive.default-tenant-id=none",
                "--http-grace-period=1s",
                "--grpc-grace-period=1s",
            ),
            ready=http_ok(self._ports["thanos-receive-http"], "/-/ready"),
            stop_seconds=15,
        )

    def _query(self) -> Process:
        return Process(
            name="thanos-query",
            argv=(
                str(self._programs.thanos),
                "query",
                f"--http-address={self._at('thanos-query-http')}",
                f"--grpc-address={self._at('thanos-query-grpc')}",
                f"--endpoint={self._at('thanos-receive-grpc')}",
                "--query.replica-label=receive_replica",
                "--query.timeout=20s",
                "--http-grace-period=1s",
                "--grpc-grace-period=1s",
            ),
            # It looks for its store every 5 s; started after it, the first look finds it.
            needs=("thanos-receive",),
            ready=http_ok(self._ports["thanos-query-http"], "/-/ready"),
        )

    def _relay_server(self) -> Process:
        pki = self._folder / "pki"
        return Process(
            name="relay-server",
            argv=(sys.executable, "-m", "controllers.relay.server"),
            env={
                "NEUROX_RELAY_LISTEN": self._at("relay"),
                "NEUROX_RELAY_PUBLIC_URL": self.hub.url,
                "NEUROX_RELAY_CA_FILE": str(self.hub.ca),
                "NEUROX_RELAY_TLS_CERT_FILE": str(pki / "relay.crt"),
                "NEUROX_RELAY_TLS_KEY_FILE": str(pki / "relay.key"),
                "NEUROX_RELAY_INTERNAL_LISTEN": self._at("relay-internal"),
                "NEUROX_RELAY_TOKEN_FILE": str(self._relay_token),
                "NEUROX_REDIS_URL": self.redis_url,
                "NEUROX_HUB_KEYS_FILE": str(self._hub_key / "chain.json"),
                # Streams that stay open would otherwise hold Ctrl-C for a minute.
                "NEUROX_RELAY_DRAIN_SECONDS": "2",
                "NEUROX_RELAY_RECEIVE_URL": f"http://{self._at('thanos-receive-write')}/api/v1/receive",
            },
            needs=("redis", "thanos-receive"),
            prepare=self.certificates,
            ready=http_ok(self._ports["relay-internal"], "/readyz"),
        )

    def _web(self) -> Process:
        charts = Path(__file__).parents[2] / "charts"
        scratch = self._folder / "run" / "web"
        env = {
            "NEUROX_REDIS_URL": self.redis_url,
            "NEUROX_THANOS_URL": self.thanos_url,
            "NEUROX_API_URL": self.url,
            "NEUROX_PUBLIC_URL": self.url,
            "NEUROX_RELAY_PUBLIC_URL": self.hub.url,
            "NEUROX_RELAY_CA_FILE": str(self.hub.ca),
            **({"NEUROX_CHARTS_DIR": str(charts)} if charts.is_dir() else {}),
            "TMPDIR": str(scratch),
        }

        def prepare() -> None:
            # What a killed one left behind.
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
            self.certificates()

        return Process(
            name="web",
            argv=(
                *(sys.executable, "-m", "gunicorn", "-c", "python:portal.gunicorn_conf"),
                *("-b", address(self._http), "--graceful-timeout", "3", "portal.web:app"),
            ),
            env=env,
            port=self._http,
            needs=("redis",),
            prepare=prepare,
            ready=http_ok(self._http, "/api/v1/readyz"),
        )

    def _control_manager(self) -> Process:
        return Process(
            name="control-manager",
            argv=(sys.executable, "-m", "controllers.control"),
            env={
                "NEUROX_REDIS_URL": self.redis_url,
                "NEUROX_THANOS_URL": self.thanos_url,
                "NEUROX_RELAY_URL": f"http://{self._at('relay-internal')}",
                "NEUROX_RELAY_TOKEN_FILE": str(self._relay_token),
                "NEUROX_HUB_KEY_FILE": str(self._hub_key / "signing.pem"),
                "NEUROX_CONTROL_LISTEN": self._at("control-manager"),
            },
            needs=("redis", "relay-server", "thanos-query"),
            ready=http_ok(self._ports["control-manager"], "/readyz"),
        )

    def _make_keys(self) -> None:
        pki = self._folder / "pki"
        step.python(
            "the relay's certificate", ("infra.local.relay_pki", str(pki)), {}, self._folder
        )
        if not (self._hub_key / "signing.pem").exists():
            step.python(
                "the key that clusters know the control plane by",
                ("controllers.credentials.hub_key", str(self._hub_key)),
                {},
                self._folder,
            )
