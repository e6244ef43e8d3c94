"""The checks as a Job, for a cluster whose owner has nothing but kubectl."""

from importlib.metadata import version
from pathlib import Path

import yaml

from controllers.preflight.checks import Plane

TEMPLATE = Path(__file__).with_name("job.yaml")
REGISTRY = "ghcr.io/neurox"
IMAGES: dict[Plane, str] = {"control": "control", "workload": "relay"}
"""Which of our images does it: one that the cluster needs anyway."""
CA_FILE = "/etc/neurox/preflight/ca.crt"
NAME = "neurox-preflight"
COMMAND = f"""\
# In bash, with kubectl pointed at the cluster. Paste the manifest, then press Ctrl-D.
kubectl apply -f - &&
kubectl logs --follow --pod-running-timeout=2m --namespace {NAME} job/{NAME}
kubectl delete namespace/{NAME} clusterrole/{NAME} clusterrolebinding/{NAME}
"""


def manifest(plane: Plane, hub: str | None = None, ca_pem: str | None = None) -> str:
    """What to apply; it holds no secret."""
    text = TEMPLATE.read_text()
    words = text.replace("IMAGE", f"{REGISTRY}/{IMAGES[plane]}:{version('neurox')}")
    objects = list(yaml.safe_load_all(words.replace("PLANE", plane)))
    (job,) = (each for each in objects if each["kind"] == "Job")
    (settings,) = (each for each in objects if each["kind"] == "ConfigMap")
    args = job["spec"]["template"]["spec"]["containers"][0]["args"]
    if hub:
        args.append(f"--hub={hub}")
    if ca_pem:
        args.append(f"--ca={CA_FILE}")
        settings["data"] = {"ca.crt": ca_pem}
    return yaml.safe_dump_all(objects, sort_keys=False)
