from pathlib import Path

import pytest

from infra.local.node import volumes
from infra.local.node.layout import Layout

AT = Layout("hub", Path("/state/hub"), "10.253.1.2", 24, "nxb0")


def claim(uid: str = "u1", storage_class: str = "standard", volume: str = "") -> dict:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": storage_class,
        **({"volumeName": volume} if volume else {}),
    }
    return {"metadata": {"namespace": "default", "name": "data", "uid": uid}, "spec": spec}


def volume(phase: str, **changes: str) -> dict:
    made = volumes.volume_for(claim(), AT)
    made["spec"] |= changes
    return {**made, "status": {"phase": phase}}


def test_a_claim_of_the_class_gets_a_volume_bound_to_it_alone() -> None:
    (made,) = volumes.wanted([claim()], [], AT)
    assert made["spec"]["claimRef"]["uid"] == "u1"
    assert made["spec"]["capacity"] == {"storage": "1Gi"}
    assert made["spec"]["local"]["path"].startswith("/state/hub/")


@pytest.mark.parametrize("other", [claim(storage_class="fast"), claim(volume="pvc-u1")])
def test_claims_of_others_and_those_that_have_theirs_get_none(other: dict) -> None:
    assert volumes.wanted([other], [], AT) == []


def test_a_claim_whose_volume_is_not_bound_yet_gets_no_second_one() -> None:
    assert volumes.wanted([claim()], [volume("Pending")], AT) == []


def test_only_released_volumes_of_ours_are_removed() -> None:
    gone = volume("Released")
    foreign = volume("Released")
    foreign["metadata"] = {"name": "theirs"}
    kept = volume("Released", persistentVolumeReclaimPolicy="Retain")
    assert volumes.released([gone, foreign, kept, volume("Bound")]) == [gone]
