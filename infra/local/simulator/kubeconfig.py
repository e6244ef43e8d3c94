"""A session with the API server, by a kubeconfig that names certificate files."""

from pathlib import Path
from typing import Any

import requests
import yaml


class KubeconfigError(Exception):
    """The file cannot be used; the message says what is wrong."""


def session(path: Path) -> tuple[requests.Session, str]:
    """A session with the current context's credentials, and the server's URL."""
    try:
        config = yaml.safe_load(path.read_text())
        context = _named(config, "context", config["current-context"])
        cluster = _named(config, "cluster", context["cluster"])
        user = _named(config, "user", context["user"])
        made = requests.Session()
        made.trust_env = False  # else REQUESTS_CA_BUNDLE wins over our CA
        made.verify = str(path.parent / cluster["certificate-authority"])
        certificate, key = user["client-certificate"], user["client-key"]
        made.cert = (str(path.parent / certificate), str(path.parent / key))
        return made, str(cluster["server"]).rstrip("/")
    except OSError as error:
        raise KubeconfigError(f"{path}: {error.strerror}") from error
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise KubeconfigError(
            f"{path}: a kubeconfig with certificate files lacks {error}"
        ) from None


def _named(config: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    for entry in config[f"{kind}s"]:
        if entry["name"] == name:
            found: dict[str, Any] = entry[kind]
            return found
    raise KeyError(f"{kind} {name}")
