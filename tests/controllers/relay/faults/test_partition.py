"""F23: hub and cluster do not reach each other for an hour, in scaled time."""

import re
import time

import pytest
import requests

from controllers.domain.errors import Unreachable
from controllers.store.links import Links
from tests.controllers.relay.faults.conftest import (
    BACK_SECONDS,
    DEAD_SECONDS,
    Scene,
    files,
    resident,
)
from tests.controllers.relay.faults.work import Work
from tests.controllers.relay.program import await_that

PARTED_SECONDS = 180.0
"""As many signs of life as an hour has by default are due in six minutes; by half of that all is
at rest: the longest back-off is reached after four tries."""
LONGEST_BACKOFF_SECONDS = 8.0
SHORTEST_OF_THEM = LONGEST_BACKOFF_SECONDS / 2


@pytest.mark.slow
def test_an_hour_apart_costs_nothing_and_replays_nothing(well: Scene) -> None:
    scene, known = well, Links(well.hub.redis)
    programs = (scene.hub.program, scene.site.program)
    assert scene.site.session.post("http://manager/echo", data=b"before", timeout=5).ok
    work, done = Work(scene.hub, scene.site), scene.site.manager.state
    work.submit("early")
    work.await_accepted("early")
    kept = scene.site.kept()
    scene.network.drop(scene.line.port, "to the server", "to the client")
    parted = time.time()
    scene.await_links(False, DEAD_SECONDS + 1.5)
    connections = scene.site.manager.connections
    work.submit("meanwhile")
    work.submit("withdrawn")
    work.stop("withdrawn")
    work.stop("early")
    costs = [(files(program), resident(program)) for program in programs]
    tries = failures(scene)
    until = time.monotonic() + PARTED_SECONDS
    asked = 0
    while time.monotonic() < until:
        began = time.monotonic()
        with (
            scene.hub.session(scene.site.cluster_id) as session,
            pytest.raises(Unreachable, match="the cluster is not connected"),
        ):
            session.post("http://manager/echo", data=b"during", timeout=10)
        assert time.monotonic() - began < 2, "a cluster that is away is told at once"
        asked += 1
        work.loop.step()
        assert scene.other.session.get("http://manager/x", timeout=10).ok
        await_that("some time is over", lambda end=began + 1: time.monotonic() > end)
    assert asked > 10
    assert 5 < failures(scene) - tries <= PARTED_SECONDS / SHORTEST_OF_THEM + 4
    for program, (descriptors, memory) in zip(programs, costs, strict=True):
        assert files(program) <= descriptors + 2
        assert resident(program) - memory < 2_000_000
    link = known.of(scene.site.cluster_id)
    assert not link.connected
    assert parted - 60 < link.contact.heard_at < parted + 1, "when it was last heard of is known"
    scene.network.heal()
    scene.await_links(True, BACK_SECONDS)
    assert scene.site.kept() == kept, "it is who it was, and needed no new token"
    assert scene.site.manager.connections == connections, "nothing comes late by itself"
    work.await_accepted("meanwhile")
    await_that("what was to end has ended", lambda: done.get("ended") == ["early"])
    await_that("what was withdrawn is let go", lambda: not work.intents.get("withdrawn").cluster)
    for _ in range(5):
        work.loop.step()
    assert (done["made"], done["ended"]) == (["early", "meanwhile"], ["early"]), "each once"


def failures(scene: Scene) -> int:
    """Dials of the relay-client that ended in nothing."""
    return len(re.findall(r"next try in", scene.site.program.words()))


def test_what_the_cluster_says_while_parted_names_the_time_of_its_next_try(well: Scene) -> None:
    well.network.drop(well.line.port, "to the server", "to the client")
    well.await_links(False, DEAD_SECONDS + 1.5)
    begun = failures(well)
    await_that("it says when it tries again", lambda: failures(well) > begun)
    answer = requests.get(f"http://127.0.0.1:{well.site.metrics}/readyz", timeout=5)
    assert "there is no connection to the hub" in answer.text
