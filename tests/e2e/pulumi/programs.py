"""Pulumi's programs: those on PATH, else those that `neurox tools pulumi-engine` built."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from infra.tools.catalogue import GROUPS
from infra.tools.toolbox import Toolbox
from infra.tools.workshop import SOURCES, Workshop

OWN = {
    "PULUMI_CONFIG_PASSPHRASE": "of this run alone",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
}
BUILT = GROUPS["pulumi-engine"]
HOST = Path(__file__).with_name("language_host.py")


def environment(folder: Path) -> dict[str, str]:
    """The variables of every command; links in ``folder`` lead to what is not on PATH."""
    box, env = Toolbox.from_env(), {**os.environ, **OWN}
    if shutil.which("kubectl") is None and (kubectl := box.find("kubectl")):
        (folder / "kubectl").symlink_to(kubectl.path)
    if shutil.which("pulumi") is None and not box.missing(BUILT):
        for name in BUILT:
            (folder / name).symlink_to(box.path(name))
        _language_host(folder / "pulumi-language-python")
        env["PULUMI_HOME"] = str(folder / "home")
    return env | {"PATH": f"{folder}:{env['PATH']}"}


def _language_host(file: Path) -> None:
    """The module that the CLI was built of carries the executor, but no host to start it."""
    go_mod = (SOURCES / "pulumi" / "go.mod").read_text()
    (version,) = (
        line.split()[1]
        for line in go_mod.splitlines()
        if "github.com/pulumi/pulumi/sdk/v3 " in line
    )
    module = Workshop.from_env().cache.go_mod / f"github.com/pulumi/pulumi/sdk/v3@{version}"
    executor = module / "python" / "cmd" / "pulumi-language-python-exec"
    words = shlex.join((sys.executable, "-u", str(HOST), str(executor)))
    file.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    file.chmod(0o755)
