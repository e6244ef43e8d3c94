"""Client and server need not be of one version."""

from importlib.metadata import version

import pytest
import requests

from portal.client import OtherVersion
from portal.client.transport import parsed
from portal.schemas import Page, PoolOut, UpgradeOut


def answer(body: bytes, **headers: str) -> requests.Response:
    made = requests.Response()
    made._content = body
    made.url = "https://hub.example/api/v1/pools/a?limit=5"
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


def test_fields_that_only_a_newer_server_knows_are_left_out() -> None:
    newer = answer(b'{"version": "9.9", "command": "helm", "since": "today"}')
    assert parsed(UpgradeOut, newer) == UpgradeOut(version="9.9", command="helm")
    page = b'{"items": [{"version": "9.9", "command": "", "new": 1}], "total": 1, "more": {}}'
    items = parsed(Page[UpgradeOut], answer(page)).items
    assert items == [UpgradeOut(version="9.9", command="")]


@pytest.mark.parametrize("body", [b"{}", b"", b"<html>"])
def test_an_answer_without_what_is_needed_names_both_versions(body: bytes) -> None:
    said = f"hub.example/api/v1/pools/a answers has a shape that neurox {version('neurox')} does"
    with pytest.raises(OtherVersion, match=f"{said} not know; the server is 9.9"):
        parsed(PoolOut, answer(body, Neurox_Version="9.9"))
    with pytest.raises(OtherVersion, match="the server does not say its version"):
        parsed(PoolOut, answer(body))
