from collections.abc import Callable
from typing import Any

import neurox_web
from neurox_web import Web

Neurox = Callable[..., Any]


def test_removing_needs_a_yes(web: Web, server: str, neurox: Neurox) -> None:
    neurox_web.cluster(web, "east")
    assert neurox("cluster", "remove", "east").code == 2
    assert neurox("cluster", "remove", "east", "--yes").code == 0
    assert web.stores.clusters.all() == []
    assert neurox("cluster", "remove", "east", "--yes").code == 3
    assert "neurox cluster join" in neurox("cluster", "list").err
