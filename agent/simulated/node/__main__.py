"""``python -m agent.simulated.node``."""

from agent.simulated.node.main import run

run()
