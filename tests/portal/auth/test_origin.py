import pytest
from werkzeug.datastructures import Headers

from portal.auth.origin import is_ours

PUBLIC = "https://gpus.example"


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": PUBLIC}, False),
        ({"Origin": PUBLIC}, True),
        ({"Origin": "https://gpus.example:443"}, True),
        ({"Origin": "http://gpus.example"}, False),
        ({"Origin": "https://gpus.example.evil"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "https://gpus.example:8443"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://gpus.example:port"}, False),
        ({}, None),
    ],
)
def test_only_our_own_pages_may_change_things(
    headers: dict[str, str], verdict: bool | None
) -> None:
    assert is_ours(Headers(headers), PUBLIC, "127.0.0.1:8080") is verdict


def test_localhost_and_its_address_are_one_server_on_one_port() -> None:
    local = "http://127.0.0.1:8080"
    assert is_ours(Headers({"Origin": "http://localhost:8080"}), local, "127.0.0.1:8080")
    assert not is_ours(Headers({"Origin": "http://localhost:8081"}), local, "127.0.0.1:8080")
