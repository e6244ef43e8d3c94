"""How a local cluster joins: by the same single-use Secret as any other."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.local import secret_file
from infra.local.api import Api
from infra.local.errors import LocalError


@dataclass(frozen=True)
class Hub:
    """Where clusters dial, and the CA of the certificate that it shows them."""

    url: str
    ca: Path


class Join:
    """Makes a cluster known to the control plane and hands it its join Secret."""

    def __init__(self, name: str, file: Path, api: Callable[[], Api], hub: Hub) -> None:
        self._name = name
        self.file = file
        """The join kubeconfig, for the relay-client; without it we never asked for one."""
        self._api = api
        self._hub = hub

    def ensure(self, apply: Callable[[str], None]) -> None:
        """Nothing when it has joined; else a new Secret, given to ``apply`` as YAML.

        One that waits gets a new token, for the former was shown once and may be spent or expired;
        so does a cluster that `down` left, for its key is gone, and one that knows the hub by an
        address or a CA of former days, for that is all that tells it the new one.
        """
        api = self._api()
        known = api.get(f"/clusters/{self._name}")
        if known is not None and known["state"] != "waiting" and self._leads_to_hub():
            return
        if known is not None:
            made = api.post(f"/clusters/{self._name}/join", {})
        else:
            description = "Joined by neurox up on this machine"
            made = api.post("/clusters", {"name": self._name, "description": description})
        secret = str(made["secret"])
        secret_file.write(self.file, kubeconfig_of(secret))
        apply(secret)

    def _leads_to_hub(self) -> bool:
        import yaml

        try:
            cluster = yaml.safe_load(self.file.read_text())["clusters"][0]["cluster"]
            authority = base64.b64decode(cluster["certificate-authority-data"])
            same_place = str(cluster["server"]).startswith(f"{self._hub.url}/")
        except (FileNotFoundError, KeyError, IndexError, TypeError, ValueError, yaml.YAMLError):
            return False
        return same_place and authority == self._hub.ca.read_bytes()


def kubeconfig_of(secret: str) -> str:
    """The ``kubeconfig`` key of a Secret in YAML."""
    import yaml

    found = yaml.safe_load(secret)
    try:
        if "kubeconfig" in found.get("stringData", {}):
            return str(found["stringData"]["kubeconfig"])
        return base64.b64decode(found["data"]["kubeconfig"]).decode()
    except (AttributeError, KeyError, TypeError, ValueError):
        raise LocalError("the join Secret of the API has no kubeconfig key") from None
