"""Clocks that are wrong: a little is allowed, more is corrected by the hub's word, and told."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from controllers.relay import credential
from controllers.relay.call import CallFailed, Origin, connect
from controllers.relay.client.clock import Clock
from infra.local import relay_pki
from tests.controllers.relay.backends import Backend, ReceiveHandler

YEARS = 5 * 365 * 86400.0
SHIFT = """\
import os, time
true = time.time
time.time = lambda: true() + float(os.environ["SHIFT"])
"""


@pytest.mark.parametrize(("behind", "ahead"), [(-3600, -3600), (YEARS, YEARS), (2, 0)])
def test_the_hubs_time_is_gone_by(behind: float, ahead: float) -> None:
    clock = Clock()
    assert clock.observe(formatdate(time.time() - behind, usegmt=True)) == bool(ahead)
    assert clock.ahead == pytest.approx(ahead, abs=60)


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "yesterday",
        "Thu, 99 Nov 2026 99:99:99 GMT",
        "Thu, 26 Nov 99999999 07:00:00 GMT",
        "Thu, 26 Nov 2026 07:00:00 +999999",
    ],
)
def test_a_time_that_cannot_be_read_changes_nothing(date: str | None) -> None:
    clock = Clock()
    assert not clock.observe(date)
    assert clock.ahead == 0


def test_a_clock_that_was_set_right_is_right_again() -> None:
    clock = Clock()
    clock.observe(formatdate(time.time() - 3600, usegmt=True))
    assert clock.observe(formatdate(time.time(), usegmt=True))
    assert clock.ahead == pytest.approx(0, abs=5)


@pytest.mark.parametrize("ahead", [100.0, -100.0, 3600.0, YEARS, -YEARS])
def test_a_cluster_whose_clock_is_wrong_joins_and_works_and_it_is_shown(
    hub: Any,
    new_site: Callable[[], Any],
    tmp_path: Path,
    eventually: Callable[..., None],
    ahead: float,
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHIFT)
    site = new_site()
    site.join(PYTHONPATH=str(tmp_path), SHIFT=str(ahead))

    def known() -> credential.Credential:
        return credential.read(hub.redis, [site.cluster_id])[0]

    eventually("it is told", lambda: known().skew_seconds == pytest.approx(ahead, abs=5))
    assert site.write(b"x").status_code == 200
    eventually("it is known when its key changes", lambda: known().rotates_at is not None)
    assert 26 * 86400 < (known().rotates_at or 0) - time.time() < 34 * 86400
    assert len(known().keys) == 1


def test_a_certificate_out_of_time_tells_what_time_it_is_here(tmp_path: Path) -> None:
    relay_pki.ensure(tmp_path, datetime.now(UTC) - timedelta(days=40 * 365))
    backend = Backend(ReceiveHandler, tmp_path)
    origin = Origin.of(f"https://{backend.address}", (tmp_path / "ca.crt").read_text())
    try:
        with pytest.raises(
            CallFailed, match=f"by the clock of this machine it is {time.gmtime().tm_year}"
        ):
            asyncio.run(connect(origin))
    finally:
        backend.close()
