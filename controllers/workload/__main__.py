"""``python -m controllers.workload``."""

import sys

from controllers.workload.main import run

sys.exit(run())
