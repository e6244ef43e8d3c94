"""Helm killed at work, and what the documents say to do then."""

import os
import re
import subprocess

from installation import PORT, ROOT, Cluster

PAGE = ROOT / "docs" / "install" / "upgrade.md"


def killed(cluster: Cluster, seconds: float, *words: str) -> None:
    """Run Helm and kill it after so many seconds, if it has not ended by then."""
    env = {**os.environ, **cluster.environment()}
    with subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL) as helm:
        try:
            helm.wait(seconds)
        except subprocess.TimeoutExpired:
            helm.kill()


def pending(cluster: Cluster) -> bool:
    """Whether Helm holds that somebody is at work."""
    kept = cluster.items("secrets", "-l", "owner=helm,name=neurox")
    return any(one["metadata"]["labels"]["status"].startswith("pending-") for one in kept)


def documented_step(cluster: Cluster) -> None:
    """Word for word; it takes nothing away when nothing is pending."""
    (command,) = re.findall(r"\n\$ (kubectl -n \S+ delete secret .*?)\n```", PAGE.read_text(), re.S)
    cluster.run("bash", "-c", command)


def finished(cluster: Cluster, *words: str) -> None:
    """The command at last; with another port, where the page says to choose one."""
    try:
        cluster.run(*words)
    except AssertionError as refused:
        if "provided port is already allocated" not in str(refused):
            raise
        documented_step(cluster)
        cluster.run(*words, "--set", f"expose.edge.nodePort={PORT + 1}")


def secrets(cluster: Cluster) -> dict[str, str]:
    """What was made at run time: each key of our Secrets, and its value."""
    return {
        f"{one['metadata']['name']}/{key}": value
        for one in cluster.items("secrets", "-l", "app.kubernetes.io/part-of=neurox")
        for key, value in one.get("data", {}).items()
    }
