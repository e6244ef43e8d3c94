"""Client and server need not be of one version."""

import pytest
from pydantic import ValidationError

from portal.client.transport import parsed
from portal.schemas import Page, PoolOut, UpgradeOut


def test_fields_that_only_a_newer_server_knows_are_left_out() -> None:
    newer = b'{"version": "9.9", "command": "helm", "since": "today"}'
    assert parsed(UpgradeOut, newer) == UpgradeOut(version="9.9", command="helm")
    page = b'{"items": [{"version": "9.9", "command": "", "new": 1}], "total": 1, "more": {}}'
    assert parsed(Page[UpgradeOut], page).items == [UpgradeOut(version="9.9", command="")]


def test_an_answer_without_what_is_needed_is_an_error() -> None:
    with pytest.raises(ValidationError):
        parsed(PoolOut, b"{}")
