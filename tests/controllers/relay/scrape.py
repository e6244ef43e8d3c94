"""What a relay-server tells of itself, read as Prometheus does."""

from collections.abc import Iterator
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

PREFIX = "neurox_relay_server_"
Labels = dict[str, str]


def samples(hub: Any) -> Iterator[tuple[str, Labels, float]]:
    """Name without its prefix, labels and value of each."""
    text = requests.get(hub.internal_url + "/metrics", timeout=5).text
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for one in family.samples:
            yield one.name.removeprefix(PREFIX), one.labels, one.value
