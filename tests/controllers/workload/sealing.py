"""Requests to a workload-manager that are signed, by its hub or by a stranger."""

import time
from typing import Any

import requests

from controllers.relay.identity import PrivateKey
from controllers.relay.seal import Asked, seal
from tests.controllers.workload.conftest import CLUSTER_ID, HUB_KEY

STATE = Asked("GET", "/v1/state?since=0")


def send(
    manager: Any, asked: Asked, token: str | None, scheme: str = "Bearer"
) -> requests.Response:
    headers = {} if token is None else {"Authorization": f"{scheme} {token}"}
    return requests.request(
        asked.method, manager.url + asked.target, data=asked.body, headers=headers, timeout=10
    )


def sealed(
    life: str, asked: Asked = STATE, key: PrivateKey = HUB_KEY, at: float = 0.0, **more: Any
) -> str:
    return seal(key, more.get("cluster", CLUSTER_ID), asked, time.time() + at, life)


def told(manager: Any, token: str) -> str:
    """Why a request is refused; nothing when it is not."""
    words: str = send(manager, STATE, token).json().get("detail", "")
    return words
