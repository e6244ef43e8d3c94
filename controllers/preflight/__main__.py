"""``python -m controllers.preflight``: the same as `neurox preflight`, with nothing but Python.

In a pod of the cluster (--in-pod) it asks by the pod's account, elsewhere through kubectl.
"""

import argparse
import sys
from pathlib import Path
from typing import get_args

from controllers.preflight import kubectl, pod
from controllers.preflight.checks import Plane
from controllers.preflight.run import NAMESPACE, Question, run


def main() -> int:
    """0 ready, 1 not ready, 2 wrong usage, 3 the cluster cannot be asked."""
    parser = argparse.ArgumentParser(prog="python -m controllers.preflight", description=__doc__)
    parser.add_argument("plane", choices=get_args(Plane), help="what shall be installed")
    parser.add_argument("--context", help="the cluster, as your kubeconfig names it")
    parser.add_argument("--namespace", default=NAMESPACE, help=f"where (default {NAMESPACE})")
    parser.add_argument("--hub", help="the control plane's address: is it reached from here?")
    parser.add_argument("--ca", type=Path, help="file with the CA that signed its certificate")
    parser.add_argument("--in-pod", action="store_true", help="ask by this pod's account")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    asked = parser.parse_args()
    if asked.ca and not asked.ca.is_file():
        parser.error(f"--ca: there is no file {asked.ca}")
    question = Question(asked.plane, asked.namespace, asked.hub, asked.ca, not asked.in_pod)
    words = ["kubectl", *(["--context", asked.context] if asked.context else [])]
    asking = pod.asking if asked.in_pod else lambda: kubectl.asking(words)
    return run(asking, question, asked.output == "json")


if __name__ == "__main__":
    sys.exit(main())
