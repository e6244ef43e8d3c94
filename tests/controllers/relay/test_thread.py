"""The way through: a request of the control plane reaches a cluster's manager."""

from typing import Any


def test_a_request_goes_through_the_relay_to_the_manager(site: Any) -> None:
    answer = site.session.get("http://manager/v1/state?epoch=e&since=1", timeout=5)
    assert answer.status_code == 200
    assert answer.text == "/v1/state?epoch=e&since=1"
