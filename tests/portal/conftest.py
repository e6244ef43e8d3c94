"""The api and auth apps as the web process mounts them, on a real Valkey."""

import sys
from pathlib import Path

import pytest
from redis import Redis

sys.path.insert(0, str(Path(__file__).parent))

from neurox_web import Web, mounted


@pytest.fixture
def web(redis: Redis) -> Web:
    """Nobody signed in; one admin and one token of his exist."""
    return mounted(redis)
