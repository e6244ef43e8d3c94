"""Runs Python programs for a Pulumi CLI that was built from its modules and so has nobody else.

Pulumi's own language host comes with its releases, not with its modules. This one answers what
`up`, `preview`, `refresh` and `destroy` ask: run the program, by the executor that the SDK's module
carries, with the Python of Pulumi.yaml's `virtualenv`.
"""

import contextlib
import json
import os
import subprocess
import sys
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

SHOWN = 32
"""The executor's exit status when it has told the user what went wrong."""
OPTIONS = [("grpc.max_receive_message_length", 400 * 1024 * 1024)]


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """What it does not answer, the engine does without."""

    def __init__(self, engine: str, executor: str) -> None:
        self._engine, self._executor = engine, executor

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="0.0.0")

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        return language_pb2.RuntimeOptionsResponse()

    def Run(self, request: Any, context: Any) -> Any:
        info = request.info
        words = (
            self._executor,
            *("--engine", self._engine, "--monitor", request.monitor_address),
            *("--project", request.project, "--stack", request.stack),
            *("--root_directory", info.root_directory, "--organization", request.organization),
            *("--pwd", request.pwd, "--parallel", str(request.parallel)),
            *("--dry_run", "true" if request.dryRun else "false"),
            info.entry_point,
        )
        virtualenv = info.options.fields["virtualenv"].string_value
        python = Path(info.root_directory) / virtualenv / "bin" / "python"
        env = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        done = subprocess.run(
            (str(python), "-u", *words), cwd=info.program_directory, env=env, check=False
        )
        if done.returncode in (0, SHOWN):
            return language_pb2.RunResponse(bail=done.returncode == SHOWN)
        return language_pb2.RunResponse(error=f"the program ended with status {done.returncode}")


def main() -> None:
    """Serve: arguments are the executor and, last, the engine's address. Says at which port."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=OPTIONS)
    host = Host(engine=sys.argv[-1], executor=sys.argv[1])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    with contextlib.suppress(KeyboardInterrupt):  # how the engine ends it
        server.wait_for_termination()


if __name__ == "__main__":
    main()
