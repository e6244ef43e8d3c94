"""``python -m agent``."""

from agent.main import run

run()
